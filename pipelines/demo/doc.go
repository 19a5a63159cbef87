// Package demo is the whole story on data that the program makes itself, behind
// `tailorbird demo`: it draws scenes in three original layouts (REFER, LVIS,
// ImageNet) with accidents planted in each, builds them, verifies what was built,
// holds the quarantine against what was planted, sews one of them, trains a small
// network on its objects with and without RecursiveMix, and writes one page.
//
// Guarantees: the same seed gives the same datasets and
// the same weights; every planted accident is
// accounted for, or the demo fails and says which.
package demo
