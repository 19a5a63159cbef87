package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/blob/blobtest"
	"github.com/tailorbird/tailorbird/internal/fault"
)

// noLinks makes Link fail as file systems without hard links do.
func noLinks(err error) blobtest.Injector {
	return blobtest.OnlyOp(blobtest.Link, blobtest.Always(err))
}

func none(string, string, int) error { return nil }

// rerun publishes data at addr without faults and expects it alone in its directory.
func rerun(t *testing.T, addr string, data []byte) {
	t.Helper()
	if _, err := blob.Sweep(context.Background(), filepath.Dir(addr)); err != nil && fault.CodeOf(err) != fault.NotFound {
		t.Fatalf("sweep: %v", err)
	}
	d, err := put(blob.NewLocal(blobtest.Quick()), addr, data)
	if err != nil || d.Bytes != int64(len(data)) {
		t.Fatalf("rerun: %+v, %v", d, err)
	}
	if !holds(t, addr, data) {
		t.Fatal("rerun: nothing is there")
	}
	if got := names(t, filepath.Dir(addr)); !slices.Equal(got, []string{filepath.Base(addr)}) {
		t.Fatalf("rerun leaves %v", got)
	}
}

func TestFault03AFullDiskIsNamedAndLeavesNothing(t *testing.T) {
	t.Parallel()
	data := payload(700 << 10)
	for _, c := range []struct {
		when string
		in   blobtest.Injector
	}{
		{"at the directory", blobtest.OnlyOp(blobtest.MkdirAll, blobtest.FailNth(1, syscall.ENOSPC))},
		{"at the temporary file", blobtest.OnlyOp(blobtest.Create, blobtest.FailNth(1, syscall.ENOSPC))},
		{"at the first write", blobtest.OnlyOp(blobtest.Write, blobtest.FailNth(1, syscall.ENOSPC))},
		{"in the middle of a write", blobtest.OnlyOp(blobtest.Write, blobtest.FailNth(2, blobtest.Short(syscall.ENOSPC)))},
		{"at the last write", blobtest.OnlyOp(blobtest.Write, blobtest.FailNth(3, syscall.ENOSPC))},
		{"at fsync", blobtest.OnlyOp(blobtest.Sync, blobtest.FailNth(1, syscall.ENOSPC))},
		{"at the link", blobtest.OnlyOp(blobtest.Link, blobtest.FailNth(1, syscall.ENOSPC))},
		{"at the lock", blobtest.Both(noLinks(syscall.EPERM), blobtest.OnlyOp(blobtest.Create, blobtest.FailNth(2, syscall.ENOSPC)))},
		{"at the rename", blobtest.Both(noLinks(syscall.EPERM), blobtest.OnlyOp(blobtest.Rename, blobtest.FailNth(1, syscall.ENOSPC)))},
	} {
		t.Run(c.when, func(t *testing.T) {
			t.Parallel()
			addr := filepath.Join(t.TempDir(), "out", "train-000000.tar")
			_, err := put(blob.NewLocal(blobtest.New(blobtest.Quick(), c.in)), addr, data)
			if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), addr) || fault.CodeOf(err).IsData() {
				t.Errorf("err = %v, want ENOSPC that names %s and blames no data", err, addr)
			}
			if got := names(t, filepath.Dir(addr)); len(got) != 0 {
				t.Errorf("left behind: %v", got)
			}
			rerun(t, addr, data)
		})
	}
}

// TestFault04 lets every single call fail in every way.
func TestFault04WhateverCallFailsTheNameIsAbsentOrWhole(t *testing.T) {
	t.Parallel()
	data := payload(600_001)
	for _, fs := range []struct {
		name string
		base blobtest.Injector
	}{{"with links", none}, {"without links", noLinks(syscall.EPERM)}} {
		for _, f := range []struct {
			name string
			err  error
		}{
			{"EIO", syscall.EIO}, {"EINTR", syscall.EINTR}, {"short", blobtest.Short(nil)}, {"short EIO", blobtest.Short(syscall.EIO)},
			{"lost EIO", blobtest.Lost(syscall.EIO)}, {"lost EEXIST", blobtest.Lost(syscall.EEXIST)},
		} {
			t.Run(fs.name+", "+f.name, func(t *testing.T) {
				t.Parallel()
				for n := 1; ; n++ {
					sys := blobtest.New(blobtest.Quick(), blobtest.Both(blobtest.FailNth(n, f.err), fs.base))
					if !publishDespite(t, sys, n, data) {
						break
					}
				}
			})
		}
	}
}

// publishDespite reports whether the n-th call was reached.
func publishDespite(t *testing.T, sys *blobtest.System, n int, data []byte) bool {
	t.Helper()
	addr := filepath.Join(t.TempDir(), "x.tar")
	d, err := put(blob.NewLocal(sys), addr, data)
	there := holds(t, addr, data)
	switch {
	case err == nil && (!there || d.Bytes != int64(len(data))):
		t.Errorf("call %d: success, but the object is not there", n)
	case err != nil && !strings.Contains(err.Error(), addr):
		t.Errorf("call %d: %v does not name %s", n, err, addr)
	case err != nil && fault.CodeOf(err).IsData():
		t.Errorf("call %d: %v blames the data", n, err)
	}
	for _, name := range names(t, filepath.Dir(addr)) {
		if name != "x.tar" && !strings.HasPrefix(name, ".tb-") {
			t.Errorf("call %d: orphan %s is visible", n, name)
		}
	}
	rerun(t, addr, data)
	return sys.Calls() >= n
}

func TestFault04WhateverCallFailsReadingIsWholeOrAnError(t *testing.T) {
	t.Parallel()
	addr := filepath.Join(t.TempDir(), "x")
	data := payload(100_000)
	if err := os.WriteFile(addr, data, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, f := range []error{syscall.EIO, syscall.EINTR, blobtest.Short(nil), blobtest.Short(syscall.EIO)} {
		for n := 1; ; n++ {
			sys := blobtest.New(blobtest.Quick(), blobtest.FailNth(n, f))
			blob.Register(fmt.Sprintf("fault04-%d", n), blob.NewLocal(sys))
			got, err := blob.ReadFile(context.Background(), fmt.Sprintf("fault04-%d://%s", n, addr), 1<<20)
			if err == nil && !bytes.Equal(got, data) {
				t.Errorf("%v at call %d: %d wrong bytes without an error", f, n, len(got))
			}
			if err != nil && (!strings.Contains(err.Error(), addr) || fault.CodeOf(err).IsData()) {
				t.Errorf("%v at call %d: %v", f, n, err)
			}
			if sys.Calls() < n {
				break
			}
		}
	}
}

func TestFault04AListingThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, n := range []string{"a", "d/b"} {
		if _, err := blob.Put(context.Background(), filepath.Join(dir, n), nil); err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; ; n++ {
		sys := blobtest.New(blobtest.Quick(), blobtest.FailNth(n, syscall.EIO))
		var last error
		for _, err := range blob.NewLocal(sys).List(context.Background(), dir) {
			last = err
		}
		if sys.Calls() < n {
			break
		}
		if !errors.Is(last, syscall.EIO) || !strings.Contains(last.Error(), dir) {
			t.Errorf("call %d: the listing ended with %v", n, last)
		}
	}
}

func TestFault05TheSameObjectManyTimesAtOnceIsOneObject(t *testing.T) {
	t.Parallel()
	data := payload(300_000)
	for name, base := range map[string]blobtest.Injector{"with links": none, "without links": noLinks(syscall.ENOTSUP)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := filepath.Join(t.TempDir(), "x")
			store := blob.NewLocal(blobtest.New(blobtest.Quick(), base))
			errs := together(32, func(int) error { _, err := put(store, addr, data); return err })
			done := 0
			for _, err := range errs {
				if err == nil {
					done++
				} else if base(blobtest.Link, addr, 1) == nil || fault.CodeOf(err) != fault.Transient {
					t.Errorf("err = %v", err)
				}
			}
			if done == 0 {
				t.Error("nobody published")
			}
			rerun(t, addr, data)
		})
	}
}

// together runs f n times at once and returns its errors.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// TestFault06 hangs an attempt where it would show its object, sweeps it away,
// publishes the target anew, and lets the zombie go on.
func TestFault06AZombieNeverOverwrites(t *testing.T) {
	t.Parallel()
	mine := payload(1000)
	for _, c := range []struct {
		name  string
		op    string
		base  blobtest.Injector
		now   []byte // what is republished; nil: nothing
		want  fault.Code
		final []byte
	}{
		{"link, the same bytes", blobtest.Link, none, mine, "", mine},
		{"link, other bytes", blobtest.Link, none, []byte("other"), fault.Conflict, []byte("other")},
		{"link, nothing republished", blobtest.Link, none, nil, fault.Transient, nil},
		{"rename, the same bytes", blobtest.Rename, noLinks(syscall.EPERM), mine, "", mine},
		{"rename, other bytes", blobtest.Rename, noLinks(syscall.EPERM), []byte("other"), fault.Conflict, []byte("other")},
		{"rename, nothing republished", blobtest.Rename, noLinks(syscall.EPERM), nil, fault.Transient, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			addr := filepath.Join(t.TempDir(), "x")
			hung, wake := make(chan struct{}), make(chan struct{})
			hang := blobtest.OnlyOp(c.op, func(string, string, int) error { close(hung); <-wake; return nil })
			result := make(chan error, 1)
			go func() {
				_, err := put(blob.NewLocal(blobtest.New(blobtest.Quick(), blobtest.Both(hang, c.base))), addr, mine)
				result <- err
			}()
			<-hung
			if _, err := blob.Sweep(context.Background(), filepath.Dir(addr)); err != nil {
				t.Error(err)
			}
			if c.now != nil {
				if _, err := put(blob.NewLocal(blobtest.New(blobtest.Quick(), c.base)), addr, c.now); err != nil {
					t.Error(err)
				}
			}
			close(wake)
			if err := <-result; fault.CodeOf(err) != c.want || (err == nil) != (c.want == "") {
				t.Errorf("the zombie ends with %v, want %q", err, c.want)
			}
			if got := holds(t, addr, c.final); got != (c.final != nil) {
				t.Errorf("object there: %v", got)
			}
		})
	}
}

func TestFault07TwoThatDisagreeNeverMix(t *testing.T) {
	t.Parallel()
	addr := filepath.Join(t.TempDir(), "x")
	versions := [][]byte{payload(300_000), bytes.Repeat([]byte("b"), 300_000)}
	errs := together(16, func(i int) error { _, err := blob.Put(context.Background(), addr, versions[i%2]); return err })
	got, err := os.ReadFile(addr)
	if err != nil {
		t.Fatal(err)
	}
	winner := slices.IndexFunc(versions, func(v []byte) bool { return bytes.Equal(v, got) })
	for i, err := range errs {
		if i%2 == winner && err != nil || i%2 != winner && fault.CodeOf(err) != fault.Conflict {
			t.Errorf("attempt %d, winner %d: %v", i, winner, err)
		}
	}
	rerun(t, addr, got)
}

func TestFault08WithoutLinksALockAndARenameServe(t *testing.T) {
	t.Parallel()
	for _, errno := range []error{syscall.EPERM, syscall.ENOTSUP, syscall.EMLINK, syscall.ENOSYS, syscall.EXDEV} {
		addr := filepath.Join(t.TempDir(), "x")
		store := blob.NewLocal(blobtest.New(blobtest.Quick(), noLinks(errno)))
		for range 2 {
			if _, err := put(store, addr, []byte("same")); err != nil {
				t.Errorf("%v: %v", errno, err)
			}
		}
		if _, err := put(store, addr, []byte("other")); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("%v: %v, want a conflict", errno, err)
		}
		if got := names(t, filepath.Dir(addr)); !slices.Equal(got, []string{"x"}) {
			t.Errorf("%v: left %v", errno, got)
		}
	}
}

func TestFault08AStaleLockIsNamedAndSwept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, lock := filepath.Join(dir, "x"), filepath.Join(dir, ".tb-x.lock")
	if err := os.WriteFile(lock, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	store := blob.NewLocal(blobtest.New(blobtest.Quick(), noLinks(syscall.EPERM)))
	if _, err := put(store, addr, []byte("a")); fault.CodeOf(err) != fault.Transient || !strings.Contains(err.Error(), lock) {
		t.Errorf("err = %v, want transient that names %s", err, lock)
	}
	if got := names(t, dir); !slices.Equal(got, []string{".tb-x.lock"}) {
		t.Errorf("left %v: another attempt's lock must stay, nothing else", got)
	}
	swept, err := store.Sweep(context.Background(), dir)
	if err != nil || !slices.Equal(swept, []string{".tb-x.lock"}) {
		t.Errorf("swept %v, %v", swept, err)
	}
	if _, err := put(store, addr, []byte("a")); err != nil {
		t.Error(err)
	}
}

func TestFault10ASuccessWhoseReplyIsLostCounts(t *testing.T) {
	t.Parallel()
	for _, errno := range []error{syscall.EEXIST, syscall.EIO, syscall.ETIMEDOUT} {
		for op, base := range map[string]blobtest.Injector{blobtest.Link: none, blobtest.Rename: noLinks(syscall.EPERM)} {
			addr := filepath.Join(t.TempDir(), "x")
			lost := blobtest.OnlyOp(op, blobtest.FailNth(1, blobtest.Lost(errno)))
			if _, err := put(blob.NewLocal(blobtest.New(blobtest.Quick(), blobtest.Both(lost, base))), addr, []byte("a")); err != nil {
				t.Errorf("%s done, reply %v: %v", op, errno, err)
			}
			rerun(t, addr, []byte("a"))
		}
	}
}

func TestFault04WhatTheDiskHoldsMustBeWhatWasWritten(t *testing.T) {
	t.Parallel()
	addr := filepath.Join(t.TempDir(), "x")
	dir := filepath.Dir(addr)
	spoil := blobtest.OnlyOp(blobtest.Sync, func(_, path string, _ int) error {
		return os.WriteFile(path, bytes.Repeat([]byte("b"), 1000), 0o644) // same size, other bytes
	})
	_, err := put(blob.NewLocal(blobtest.New(blobtest.Quick(), spoil)), addr, payload(1000))
	if err == nil || !strings.Contains(err.Error(), "crc32c") || len(names(t, dir)) != 0 {
		t.Errorf("err = %v, left %v", err, names(t, dir))
	}
}

func TestSweepTakesTemporariesOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, n := range []string{"a/.tb-x.0011.tmp", "a/x", ".tb-y.lock", "tb-z", "a/b/.tb-w.22.tmp"} {
		p := filepath.Join(dir, n)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	swept, err := blob.Sweep(context.Background(), dir)
	if err != nil || !slices.Equal(swept, []string{".tb-y.lock", "a/.tb-x.0011.tmp", "a/b/.tb-w.22.tmp"}) {
		t.Errorf("swept %q, %v", swept, err)
	}
	if swept, err := blob.Sweep(context.Background(), dir); err != nil || len(swept) != 0 {
		t.Errorf("swept again: %q, %v", swept, err)
	}
}
