package cpu

// Winograd's convolution F(4x4, 3x3) (Lavin and Gray, arXiv:1509.09308, section 4):
// a tile of 4 x 4 results is A^T [(G g G^T) . (B^T d B)] A of the 3 x 3 filter g and
// the 6 x 6 patch d, with 36 products where the definition has 144.
//
// The matrices follow from interpolation at 0, +-a, +-b and infinity (Winograd,
// Arithmetic Complexity of Computations, 1980). Points 1 and 2, which the paper
// takes, lose 5 to 7 times more digits than the definition does; with 3/4 and 3/2 it
// is 2 times (measured against float64, TestWinogradErrorIsSmall). All constants of
// A and B are exact in float32.
const (
	pointA = 0.75
	pointB = 1.5

	squareA = pointA * pointA
	squareB = pointB * pointB
	factor0 = squareA * squareB
	factorA = 2 * squareA * (squareA - squareB)
	factorB = 2 * squareB * (squareB - squareA)

	winogradTile  = 4  // results on a side
	winogradPatch = 6  // values on a side
	winogradAll   = 36 // values of a patch
)

var (
	winogradBT = [][]float32{
		{factor0, 0, -squareA - squareB, 0, 1, 0},
		{0, -pointA * squareB, -squareB, pointA, 1, 0},
		{0, pointA * squareB, -squareB, -pointA, 1, 0},
		{0, -pointB * squareA, -squareA, pointB, 1, 0},
		{0, pointB * squareA, -squareA, -pointB, 1, 0},
		{0, factor0, 0, -squareA - squareB, 0, 1},
	}
	winogradG = [][]float32{
		{1 / factor0, 0, 0},
		{1 / factorA, pointA / factorA, squareA / factorA},
		{1 / factorA, -pointA / factorA, squareA / factorA},
		{1 / factorB, pointB / factorB, squareB / factorB},
		{1 / factorB, -pointB / factorB, squareB / factorB},
		{0, 0, 1},
	}
	winogradAT = [][]float32{
		{1, 1, 1, 1, 1, 0},
		{0, pointA, -pointA, pointB, -pointB, 0},
		{0, squareA, squareA, squareB, squareB, 0},
		{0, pointA * squareA, -pointA * squareA, pointB * squareB, -pointB * squareB, 1},
	}
	winogradA, winogradGT = transposed(winogradAT), transposed(winogradG)
)

func transposed(m [][]float32) [][]float32 {
	t := make([][]float32, len(m[0]))
	for j := range t {
		for i := range m {
			t[j] = append(t[j], m[i][j])
		}
	}
	return t
}

// grid says where blocks of vectors lie: how many values apart their rows, the
// vectors of a row, and the blocks are.
type grid struct{ row, col, next int }

// winogradPortable writes m x m^T of n blocks x of vectors of 8 lanes.
func winogradPortable(m [][]float32, dst []float32, d grid, src []float32, at int, s grid, n int) {
	in := len(m[0])
	var half [winogradPatch][winogradPatch][lanes]float32
	for b := range n {
		for i, coef := range m {
			for j := range in {
				var sum [lanes]float32
				for k, c := range coef {
					if c == 0 { // not a product: 0 times a NaN is one
						continue
					}
					for l, v := range src[at+b*s.next+k*s.row+j*s.col:][:lanes] {
						sum[l] += c * v
					}
				}
				half[i][j] = sum
			}
		}
		for i := range m {
			for j, coef := range m {
				var sum [lanes]float32
				for k, c := range coef {
					if c == 0 {
						continue
					}
					for l, v := range half[i][k] {
						sum[l] += c * v
					}
				}
				copy(dst[b*d.next+i*d.row+j*d.col:], sum[:])
			}
		}
	}
}

// winogradOutputPortable is winogradPortable with A^T and then, for each lane,
// plus edge[lane] and no less than edge[8+lane]. A NaN stays one.
func winogradOutputPortable(dst []float32, d grid, src []float32, s grid, n int, edge []float32) {
	winogradPortable(winogradAT, dst, d, src, 0, s, n)
	for b := range n {
		for i := range winogradTile * winogradTile {
			v := dst[b*d.next+i/winogradTile*d.row+i%winogradTile*d.col:][:lanes]
			for l := range v {
				v[l] += edge[l]
				if v[l] < edge[lanes+l] {
					v[l] = edge[lanes+l]
				}
			}
		}
	}
}
