package tarindex

import (
	"bytes"
	"math"
)

// header is one 512-byte block as it lies in the archive.
type header [blockSize]byte

// Fields of the block: offset and end (POSIX.1-2017, ustar Interchange Format).
const (
	nameEnd                = 100
	sizeAt, sizeEnd        = 124, 136
	sumAt, sumEnd          = 148, 156
	typeAt                 = 156
	magicAt, magicEnd      = 257, 263
	prefixAt, prefixEnd    = 345, 500
	starPrefixEnd          = 476 // star keeps two times behind a shorter prefix
	starMagicAt, starMagic = 508, "tar\x00"
	sparseExtendedAt       = 482 // GNU: more blocks of the sparse map follow
	sparseMoreExtendedAt   = 504 // the same flag in such a block
	magicUSTAR             = "ustar\x00"
)

var zeroBlock [blockSize]byte

func (h *header) zero() bool { return *h == zeroBlock }

// checksumAgrees compares the stored sum with that of the block, its own field
// counted as spaces. Old writers summed signed bytes: both are taken.
func (h *header) checksumAgrees() bool {
	want, ok := octal(h[sumAt:sumEnd])
	if !ok {
		return false
	}
	var unsigned, negative int64
	for _, c := range h {
		unsigned += int64(c)
		negative += int64(c >> 7)
	}
	for _, c := range h[sumAt:sumEnd] {
		unsigned -= int64(c)
		negative -= int64(c >> 7)
	}
	unsigned += ' ' * (sumEnd - sumAt)
	return want == unsigned || want == unsigned-256*negative
}

// name joins the prefix, where the format has one, and the name.
func (h *header) name() string {
	name := cstring(h[:nameEnd])
	if string(h[magicAt:magicEnd]) != magicUSTAR {
		return string(name)
	}
	prefix := h[prefixAt:prefixEnd]
	if string(h[starMagicAt:]) == starMagic {
		prefix = h[prefixAt:starPrefixEnd]
	}
	if prefix = cstring(prefix); len(prefix) > 0 {
		return string(prefix) + "/" + string(name)
	}
	return string(name)
}

// size returns the length of the data as the block states it, and whether the
// field can be read.
func (h *header) size() (int64, bool) {
	f := h[sizeAt:sizeEnd]
	if f[0]&0x80 == 0 {
		return octal(f)
	}
	if f[0]&0x40 != 0 { // base 256, two's complement: negative
		return 0, false
	}
	var n uint64
	for i, c := range f {
		if i == 0 {
			c &= 0x7f
		}
		if n>>56 != 0 {
			return 0, false
		}
		n = n<<8 | uint64(c)
	}
	return int64(n), n <= math.MaxInt64
}

// octal reads a field of octal digits among leading spaces and trailing spaces
// or NULs. An empty field is 0.
func octal(f []byte) (int64, bool) {
	f = cstring(bytes.Trim(f, " \x00"))
	var n int64
	for _, c := range f {
		if c < '0' || c > '7' || n > math.MaxInt64>>3 {
			return 0, false
		}
		n = n<<3 | int64(c-'0')
	}
	return n, true
}

func cstring(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}
