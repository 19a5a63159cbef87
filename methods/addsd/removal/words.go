package removal

import (
	"strconv"
	"strings"
)

// irregular are plurals that no rule gives.
var irregular = map[string]string{
	"person": "people", "man": "men", "woman": "women", "child": "children", "mouse": "mice", "goose": "geese",
	"foot": "feet", "tooth": "teeth", "ox": "oxen", "iris": "irises", "trellis": "trellises", "die": "dice", "louse": "lice",
	"knife": "knives", "wife": "wives", "life": "lives", "leaf": "leaves", "loaf": "loaves", "half": "halves",
	"shelf": "shelves", "calf": "calves", "wolf": "wolves", "scarf": "scarves", "thief": "thieves", "elf": "elves",
	"tomato": "tomatoes", "potato": "potatoes", "mango": "mangoes", "hero": "heroes", "echo": "echoes",
	"buffalo": "buffaloes", "domino": "dominoes", "mosquito": "mosquitoes", "torpedo": "torpedoes",
	"lens": "lenses", "quiz": "quizzes", "gas": "gases", "canvas": "canvases", "atlas": "atlases", "cactus": "cacti", "fungus": "fungi",
}

// compounds are the irregular nouns that keep their plural at the end of another
// word: bookshelf, penknife.
var compounds = strings.Fields("person child mouse tooth knife leaf loaf shelf wolf tomato potato lens")

// unchanged are nouns whose plural is the same, or that have none, and those
// that come in pairs.
var unchanged = words(`sheep deer moose bison elk swine aircraft spacecraft watercraft hovercraft offspring salmon trout
	shrimp squid cod tuna broccoli cauliflower celery spinach rice corn bread butter sugar milk water juice wine beer
	coffee tea money furniture luggage baggage clothing jewelry equipment hardware software lingerie footwear headgear
	underwear sportswear hosiery cutlery silverware pottery bedding lego sushi tofu yogurt hummus salsa garlic asparagus
	popcorn toast tinsel wool denim suede`)

func words(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

// Plural is the plural of an English noun or noun phrase: of its last word, or of
// the one before an "of"; what stands in parentheses at the end stays. Words that
// are plural already (scissors) stay as they are.
func Plural(label string) string {
	tail := ""
	if i := strings.Index(label, " ("); i > 0 {
		label, tail = label[:i], label[i:]
	}
	if i := strings.Index(label, " of "); i > 0 {
		label, tail = label[:i], label[i:]+tail
	}
	i := strings.LastIndexAny(label, " -") + 1
	return label[:i] + pluralWord(label[i:]) + tail
}

func pluralWord(w string) string {
	ends := func(suffixes ...string) bool {
		for _, s := range suffixes {
			if strings.HasSuffix(w, s) {
				return true
			}
		}
		return false
	}
	for _, c := range compounds {
		if ends(c) {
			return strings.TrimSuffix(w, c) + irregular[c]
		}
	}
	switch {
	case w == "" || unchanged[w] || ends("fish"):
		return w
	case irregular[w] != "":
		return irregular[w]
	case ends("man") && !ends("human", "german", "roman", "ottoman", "shaman"):
		return w[:len(w)-2] + "en"
	case ends("ss", "us", "x", "z", "ch", "sh"):
		return w + "es"
	case ends("s"):
		return w
	case ends("y") && len(w) > 1 && !strings.ContainsRune("aeiou", rune(w[len(w)-2])):
		return w[:len(w)-1] + "ies"
	}
	return w + "s"
}

var (
	small = strings.Fields(`zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
		sixteen seventeen eighteen nineteen`)
	tens = strings.Fields("- - twenty thirty forty fifty sixty seventy eighty ninety")
)

// NumberWord is the number in English words, from 0 to 999; others are digits.
func NumberWord(n int) string {
	switch {
	case n < 0 || n > 999:
		return strconv.Itoa(n)
	case n < 20:
		return small[n]
	case n < 100 && n%10 == 0:
		return tens[n/10]
	case n < 100:
		return tens[n/10] + "-" + small[n%10]
	case n%100 == 0:
		return small[n/100] + " hundred"
	}
	return small[n/100] + " hundred and " + NumberWord(n%100)
}
