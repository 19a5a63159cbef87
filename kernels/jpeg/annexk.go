package jpeg

import "encoding/hex"

// The tables of ITU-T T.81 annex K: quantisers of quality 50 in the order of a
// scan (K.1, K.2), and Huffman tables as a DHT segment holds them (K.3 to K.6).
var (
	baseQuant = [2][]byte{
		table("100b0c0e0c0a100e0d0e1211101318281a181616183123251d283a333d3c3933383740485c4e404457453738506d51575f626768673e4d71797064785c656763"),
		table("1112121815182f1a1a2f634238426363636363636363636363636363636363636363636363636363636363636363636363636363636363636363636363636363"),
	}
	baseDC = [2][]byte{
		table("00010501010101010100000000000000" + "000102030405060708090a0b"),
		table("00030101010101010101010000000000" + "000102030405060708090a0b"),
	}
	baseAC = [2][]byte{
		table("0002010303020403050504040000017d" + "01020300041105122131410613516107227114328191a1082342b1c11552d1f02433627282" +
			"090a161718191a25262728292a3435363738393a434445464748494a535455565758595a636465666768696a737475767778797a838485868788898a" +
			"92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8f9fa"),
		table("00020102040403040705040400010277" + "0001020311040521310612415107617113223281081442" +
			"91a1b1c109233352f0156272d10a162434e125f11718191a262728292a35363738393a434445464748494a535455565758595a636465666768696a" +
			"737475767778797a82838485868788898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5c6c7c8c9cad2d3d4d5d6d7d8d9da" +
			"e2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8f9fa"),
	}
)

func table(text string) []byte {
	b, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}

// scaledQuant is libjpeg's quantiser of a quality, in the order of a scan
// (jcparam.c, jpeg_quality_scaling).
func scaledQuant(base []byte, quality int) (q [64]byte) {
	scale := 200 - 2*quality
	if quality < 50 {
		scale = 5000 / quality
	}
	for k, v := range base {
		q[k] = byte(min(max((int(v)*scale+50)/100, 1), 255))
	}
	return q
}

// codes are a Huffman table to encode with: code << 8 | length of each symbol.
type codes [256]uint32

func newCodes(dht []byte) *codes {
	c := &codes{}
	code, at := uint32(0), 16
	for l := 1; l <= 16; l++ {
		for range dht[l-1] {
			c[dht[at]] = code<<8 | uint32(l)
			code++
			at++
		}
		code <<= 1
	}
	return c
}

var dcCodes, acCodes = [2]*codes{newCodes(baseDC[0]), newCodes(baseDC[1])}, [2]*codes{newCodes(baseAC[0]), newCodes(baseAC[1])}

// scanOrder takes four bits of a block at a time, row by row, to their places in
// the order of a scan: or together an entry for each. Larger tables would push
// pixels out of the first cache.
var scanOrder = func() (t [16][16]uint64) {
	for k, at := range zigzag[:64] {
		for bits := range 16 {
			if bits>>(at%4)&1 == 1 {
				t[at/4][bits] |= 1 << k
			}
		}
	}
	return t
}()

// inScanOrder takes the bits of a block, row by row, to their places in a scan.
func inScanOrder(b uint64) uint64 {
	t := &scanOrder
	low := t[0][b&15] | t[1][b>>4&15] | t[2][b>>8&15] | t[3][b>>12&15] | t[4][b>>16&15] | t[5][b>>20&15] | t[6][b>>24&15] | t[7][b>>28&15]
	if b>>32 == 0 {
		return low
	}
	return low | t[8][b>>32&15] | t[9][b>>36&15] | t[10][b>>40&15] | t[11][b>>44&15] | t[12][b>>48&15] | t[13][b>>52&15] | t[14][b>>56&15] | t[15][b>>60]
}
