package cpu

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

type countTask struct{ seen [1000]atomic.Int32 }

func (c *countTask) part(i int, s *scratch) {
	f := s.floats(100 + i)
	f[0], f[len(f)-1] = 1, 1
	c.seen[i].Add(1)
}

func TestEveryPartRunsOnceAtAnyNumberOfWorkers(t *testing.T) {
	for _, workers := range []int{1, 2, 7} {
		e := New(Options{Workers: workers})
		for _, parts := range []int{0, 1, 2, 3, 1000} {
			c := &countTask{}
			e.run(parts, c)
			for i := range c.seen {
				if got, want := c.seen[i].Load(), int32(0); i < parts && got != 1 || i >= parts && got != want {
					t.Fatalf("%d workers, %d parts: part %d ran %d times", workers, parts, i, got)
				}
			}
		}
		e.Close()
	}
}

type panicTask struct{}

func (panicTask) part(i int, _ *scratch) {
	if i == 5 {
		panic("part 5")
	}
}

func TestPanicOfAPartReachesTheCaller(t *testing.T) {
	e := New(Options{Workers: 3})
	defer e.Close()
	defer func() {
		if r := recover(); r != "part 5" {
			t.Fatalf("recovered %v", r)
		}
		c := &countTask{}
		e.run(10, c) // and the pool still works
	}()
	e.run(100, panicTask{})
}

func TestCloseEndsTheWorkers(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		New(Options{Workers: 4}).Close()
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestArenaLendsReleasedMemoryAgain(t *testing.T) {
	e := New(Options{Workers: 1})
	defer e.Close()
	a := e.Borrow(3, 50)
	if p := uintptr(unsafe.Pointer(&a.Float32s()[0])); p%64 != 0 {
		t.Errorf("buffer at %#x is not on a cache line", p)
	}
	i := e.BorrowIndex(7)
	if len(i.Int64s()) != 7 || len(a.Float32s()) != 150 {
		t.Fatalf("lengths %d, %d", len(i.Int64s()), len(a.Float32s()))
	}
	held := e.Held()
	for range 20 {
		e.Release(a)
		e.Release(a) // twice is once
		e.Release(i)
		if e.InUse() != 0 {
			t.Fatalf("%d bytes in use", e.InUse())
		}
		a, i = e.Borrow(150, 1), e.BorrowIndex(7)
	}
	if e.Held() != held {
		t.Errorf("held %d bytes, then %d", held, e.Held())
	}
	s := e.Borrow()
	if len(s.Float32s()) != 1 || len(s.Shape()) != 0 {
		t.Errorf("scalar has shape %v and %d values", s.Shape(), len(s.Float32s()))
	}
}

func TestSizeClassesHoldWhatTheySay(t *testing.T) {
	for n := 1; n < 1<<20; n += 1 + n/37 {
		class, size := classOf(n)
		if size < n || n > 64 && size > n+n/4+1 {
			t.Fatalf("class of %d holds %d", n, size)
		}
		if again, same := classOf(size); again != class || same != size {
			t.Fatalf("class of %d is %d (%d), of its size %d (%d)", n, class, size, again, same)
		}
	}
}

func TestSplitCoversEverything(t *testing.T) {
	for n := range 50 {
		for parts := 1; parts < 12; parts++ {
			at := 0
			for i := range parts {
				from, to := split(n, parts, i)
				if from != at || to < from {
					t.Fatalf("split(%d, %d, %d) = %d, %d", n, parts, i, from, to)
				}
				at = to
			}
			if at != n {
				t.Fatalf("split(%d, %d) ends at %d", n, parts, at)
			}
		}
	}
}
