package imagenet

import (
	"crypto/sha256"
	"strings"
)

// seen finds keys of wnid directories that are there twice, without keeping all
// names. Where directories come one after the other, each once, and a file begins
// with the wnid of its own, remembering one directory is exact (an image named
// for another wnid is refused before). Of other keys a hash is kept.
type seen struct {
	dir    string            // the present one
	names  map[string]string // key -> file, of the present directory
	hashes map[[16]byte]int32
}

// take remembers key for it. Where it is taken it returns the file that has it,
// or, where no more is known, the label of that file.
func (s *seen) take(key string, it item, label int) (first string, firstLabel int, taken bool) {
	if it.span.Name != "" || it.nested {
		if strings.HasPrefix(key, it.dir+"_") {
			return s.takeInDir(key, it, label)
		}
	}
	if s.hashes == nil {
		s.hashes = map[[16]byte]int32{}
	}
	sum := sha256.Sum256([]byte(key))
	h := [16]byte(sum[:16])
	l, taken := s.hashes[h]
	if !taken {
		s.hashes[h] = int32(label)
	}
	return "", int(l), taken
}

func (s *seen) takeInDir(key string, it item, label int) (first string, firstLabel int, taken bool) {
	if it.dir != s.dir {
		s.dir = it.dir
		s.names = map[string]string{}
	}
	if first, taken = s.names[key]; !taken {
		s.names[key] = it.name
	}
	return first, label, taken
}
