package card

import (
	"net/url"
	"regexp"
	"strings"
)

var (
	address     = regexp.MustCompile(`\b[a-z][a-z0-9+.-]*://[^\s"'<>|]+`)
	machinePath = regexp.MustCompile(`(^|[\s"'(=:,;\[<\x60])(?:~|[A-Za-z]:)?[/\\](?:[^\s"'()<>,;|/\\]+[/\\])*([^\s"'()<>,;|/\\]+)`)
)

// public cuts from s what belongs to a machine or a person: of a path from the
// root all but its last element, of an address the user, the query and the
// fragment; a file:// address counts as a path.
func public(s string) string {
	var b strings.Builder
	last := 0
	for _, at := range address.FindAllStringIndex(s, -1) {
		b.WriteString(machinePath.ReplaceAllString(s[last:at[0]], "$1$2"))
		b.WriteString(publicAddress(s[at[0]:at[1]]))
		last = at[1]
	}
	b.WriteString(machinePath.ReplaceAllString(s[last:], "$1$2"))
	return b.String()
}

func publicAddress(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "file" {
		return s[strings.LastIndexAny(s, `/\`)+1:]
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String()
}

// markdown makes s one line of plain text within a table or a list.
func markdown(s string) string {
	s = strings.Join(strings.Fields(public(s)), " ")
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "`", "\\`", "<", "&lt;", ">", "&gt;", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]").Replace(s)
}

// code makes s fit between backquotes.
func code(s string) string {
	return strings.NewReplacer("`", "", "|", "", "\n", " ", "\r", " ").Replace(public(s))
}
