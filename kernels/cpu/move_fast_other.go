//go:build !amd64

package cpu

func fastMax2(_, _, _ []float32) bool                                { return false }
func fastMax3(_, _, _, _ []float32) bool                             { return false }
func fastGive(_, _, _, _ []float32) bool                             { return false }
func fastGiveFirst(_, _, _, _ []float32) bool                        { return false }
func fastMeans(_, _ []float32, _ int) bool                           { return false }
func fastSplit(_, _, _ []float32) int                                { return 0 }
func fastJoin(_, _, _ []float32) int                                 { return 0 }
func fastTranspose(_, _ []float32, _, _, _, _, _, _ int) int         { return 0 }
func fastWeigh(_, _ []float32, _ []int32, _ []float32, _, _ int) int { return 0 }
func fastRuns(_, _ []float32, _, _, _, _, _, _ int, _ bool) bool     { return false }
