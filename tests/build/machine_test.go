package build

import (
	"os"
	"testing"
)

// Neither the settings of a machine nor the directory that the command starts in
// reach the bytes.
func TestFault11SettingsOfTheMachine(t *testing.T) {
	t.Parallel()
	r, recipe := shapeNamed(t, "coco").layOut(t)
	want := build(t, recipe, r.path("plain"))
	home := r.path("home")
	if err := os.Mkdir(home, 0o555); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		env  []string
	}{
		{"one processor", []string{"GOMAXPROCS=1"}},
		{"64 processors", []string{"GOMAXPROCS=64"}},
		{"a time zone of quarter hours", []string{"TZ=Asia/Kathmandu"}},
		{"Turkish", []string{"LANG=tr_TR.UTF-8", "LC_ALL=tr_TR.UTF-8"}},
		{"a read-only home", []string{"HOME=" + home}},
		{"a home that is no directory", []string{"HOME=/dev/null/home"}},
		{"a small heap", []string{"GOMEMLIMIT=64MiB", "GOGC=20"}},
		{"no environment at all", []string{"HOME=", "PATH="}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			out := r.path("out " + c.name)
			if res := buildIn(t, c.env, recipe, out); res.RootHash != want.RootHash {
				t.Errorf("root hash %s, want %s", res.RootHash, want.RootHash)
			}
			sameTree(t, r.path("plain"), out)
		})
	}
	t.Run("umask 077 and another directory", func(t *testing.T) {
		t.Parallel()
		args := append([]string{"-c", `cd / && umask 077 && exec "$0" "$@"`, program}, buildArgs(recipe, r.path("masked"))...)
		e := launch(t, nil, "/bin/sh", args...).wait()
		if e.status != 0 || e.report(t).RootHash != want.RootHash {
			t.Errorf("exit status %d\n%s%s", e.status, e.stdout, e.stderr)
		}
		sameTree(t, r.path("plain"), r.path("masked"))
	})
	t.Cleanup(func() {
		if left, err := os.ReadDir(home); err != nil || len(left) > 0 {
			t.Errorf("in the read-only home: %v %v", left, err)
		}
	})
}
