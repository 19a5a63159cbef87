package preview

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// stopTime is how long requests may take to end once the context is done.
const stopTime = 3 * time.Second

// Serve listens on addr ("127.0.0.1:0" takes a free port), calls onReady with the
// address of the first page, and answers until ctx is done; then it ends open
// requests and returns nil. An address beyond this machine is fault.Usage unless
// the handler was made with Options.Public.
func Serve(ctx context.Context, addr string, h *Handler, onReady func(url string)) error {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return fault.New(fault.Usage, "%s: not an address to listen on: %w", addr, err)
	}
	if !h.opts.Public && (tcp.IP == nil || !tcp.IP.IsLoopback()) {
		return fault.New(fault.Usage, "%s: others could see the data; use a loopback address such as 127.0.0.1:0", addr)
	}
	l, err := net.ListenTCP("tcp", tcp)
	if err != nil {
		return err
	}
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return requests },
	}
	stopped := make(chan error, 1)
	serving, done := context.WithCancel(ctx)
	go func() {
		<-serving.Done()
		cancel() // scans end at their next record
		limit, end := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer end()
		stopped <- srv.Shutdown(limit)
	}()
	if onReady != nil {
		onReady("http://" + l.Addr().String() + "/")
	}
	err = srv.Serve(l)
	done()
	if stop := <-stopped; errors.Is(err, http.ErrServerClosed) {
		err = stop
	}
	return err
}
