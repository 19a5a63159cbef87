package shards

import (
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/tailorbird/tailorbird/transforms/chain"
)

// A runner may run several bundles in one process at a time, and how many is
// not ours to say. What they share is bounded here: the images at work, the
// pixels in memory. It decides how fast a build is and never what it makes.

// engine is a fixed number of chain workers and a budget of pixels.
type engine struct {
	workers chan *chain.Worker
	memory  *semaphore.Weighted
	users   int
}

type engineKey struct {
	transforms string
	workers    int
	budget     int64
}

var (
	enginesMu sync.Mutex
	engines   = map[engineKey]*engine{}
	active    sync.WaitGroup // shards being made in this process
)

// borrowEngine returns the process's engine for those settings; giveBack ends
// its use.
func borrowEngine(c *chain.Chain, key engineKey) (e *engine, giveBack func()) {
	enginesMu.Lock()
	defer enginesMu.Unlock()
	e = engines[key]
	if e == nil {
		e = &engine{workers: make(chan *chain.Worker, key.workers), memory: semaphore.NewWeighted(key.budget)}
		for range key.workers {
			e.workers <- c.NewWorker()
		}
		engines[key] = e
	}
	e.users++
	return e, func() {
		enginesMu.Lock()
		defer enginesMu.Unlock()
		if e.users--; e.users == 0 {
			delete(engines, key)
			for range key.workers {
				(<-e.workers).Close()
			}
		}
	}
}

// Settle waits until the shards that are being made in this process have ended,
// at most for limit: an interrupted run then leaves no temporary files.
func Settle(limit time.Duration) {
	done := make(chan struct{})
	go func() { active.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(limit):
	}
}
