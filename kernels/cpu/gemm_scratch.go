package cpu

// scratchMark is a point to which a part rewinds its scratch, so that a loop uses
// the same memory in every round:
//
//	mark := s.mark()
//	for ... {
//		mark.rewind(s)
//		gemmPart(s, ...)
//	}
//	mark.end(s)
type scratchMark struct{ used, want, most int }

func (s *scratch) mark() scratchMark { return scratchMark{s.used, s.want, s.want} }

// rewind gives back what was taken since the mark was made.
func (m *scratchMark) rewind(s *scratch) {
	m.most = max(m.most, s.want)
	s.used, s.want = m.used, m.want
}

// end rewinds and notes how much the rounds took at most.
func (m *scratchMark) end(s *scratch) {
	m.rewind(s)
	s.want = m.most
}
