//go:build !amd64

package cpu

func gemmPackedAVX2(tiles, k int, a *float32, astep int, b, c *float32, crs, cols int, alpha, beta float32, bias *float32) {
}

func gemmTile1AVX2(k int, a *float32, ars, acs int, b *float32, brs int, c *float32, crs, cols int, alpha, beta float32) {
}
func gemmTile2AVX2(k int, a *float32, ars, acs int, b *float32, brs int, c *float32, crs, cols int, alpha, beta float32) {
}
func gemmTile3AVX2(k int, a *float32, ars, acs int, b *float32, brs int, c *float32, crs, cols int, alpha, beta float32) {
}
func gemmTile4AVX2(k int, a *float32, ars, acs int, b *float32, brs int, c *float32, crs, cols int, alpha, beta float32) {
}
func gemmTile5AVX2(k int, a *float32, ars, acs int, b *float32, brs int, c *float32, crs, cols int, alpha, beta float32) {
}
func gemmTile6AVX2(k int, a *float32, ars, acs int, b *float32, brs int, c *float32, crs, cols int, alpha, beta float32) {
}

func gemmPackRows16AVX2(dst, src *float32, step, k int)    {}
func gemmPackRows6AVX2(dst, src *float32, step, k int)     {}
func gemmPackColumns16AVX2(dst, src *float32, lane, k int) {}
func gemmPackColumns6AVX2(dst, src *float32, lane, k int)  {}
