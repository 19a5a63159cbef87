package tarindex

import (
	"strings"
	"unicode/utf8"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Type is what a member is.
type Type uint8

// The types of members. Only File has contents that Offset and Size locate.
const (
	File Type = iota
	Dir
	Symlink
	Link // hard link
	Device
	FIFO
	Sparse // a file with holes, in any of GNU's forms
	Other  // multi-volume parts, volume labels, types of private use
)

var typeNames = [...]string{"file", "directory", "symbolic link", "hard link", "device", "fifo", "sparse file", "member of an unknown type"}

func (t Type) String() string { return typeNames[min(int(t), len(typeNames)-1)] }

// Member is one entry of an archive.
type Member struct {
	Name   string // as the archive states it, at most 1 MiB: untrusted
	Header int64  // offset of its own header block, bytes from the start of the outer file
	Offset int64  // of its data
	Size   int64  // bytes of its data; 0 for types that have none
	Type   Type
}

// Check returns nil for a file whose name is safe to use as a relative path on
// any system, and else a fault.Unsupported that says why not.
func (m Member) Check() error {
	why := unsafeName(m.Name)
	if m.Type != File {
		why = "a " + m.Type.String() + ", which is not followed"
	}
	if why == "" {
		return nil
	}
	return fault.At(fault.New(fault.Unsupported, "tar: member %q: %s", clip(m.Name), why), fault.Place{Offset: m.Header, HasOffset: true})
}

// unsafeName says what is wrong with a name, "" where nothing is.
func unsafeName(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case !utf8.ValidString(name):
		return "the name is not UTF-8"
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "the name holds control characters"
	case strings.ContainsAny(name, `\:`):
		return `the name holds \ or :`
	case name[0] == '/':
		return "the name is absolute"
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "..":
			return "the name leads out of its directory"
		case len(part) > 255:
			return "the name has a part of more than 255 bytes"
		case reservedName(part):
			return "the name is that of a device on Windows"
		}
	}
	return ""
}

// reservedName reports whether Windows takes part for a device, whatever its
// extension and case.
func reservedName(part string) bool {
	stem, _, _ := strings.Cut(part, ".")
	stem = strings.ToUpper(strings.TrimRight(stem, " "))
	switch stem {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	if len(stem) != 4 || stem[3] < '1' || stem[3] > '9' {
		return false
	}
	return stem[:3] == "COM" || stem[:3] == "LPT"
}

func clip(name string) string {
	if len(name) > 120 {
		return name[:120]
	}
	return name
}
