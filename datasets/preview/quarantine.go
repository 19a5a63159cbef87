package preview

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/internal/fault"
)

const (
	rejectionsPage = 50
	maxLine        = 1 << 20 // bytes of a line that is shown
)

// rejections is one page of the quarantine.
type rejections struct {
	Rows   []datasets.Rejection
	Broken int   // lines that are no rejection
	next   int64 // byte where the next page starts, 0: none
}

// quarantinePage is the body of the page.
type quarantinePage struct {
	rejections
	Missing     bool // there is no list
	Reason      string
	Reasons     []reasonLink
	First, Next string // addresses, empty: none
}

type reasonLink struct {
	Name, Href string
	Examples   int
	Here       bool
}

func (h *Handler) quarantine(w http.ResponseWriter, r *http.Request) {
	reason, at := r.URL.Query().Get("reason"), int64(0)
	if s := r.URL.Query().Get("at"); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 0 {
			h.fail(w, r, fault.New(fault.Usage, "%q is not a place in the list", cut(s)))
			return
		}
		at = n
	}
	if reason != "" && !fault.Code(reason).IsData() {
		h.fail(w, r, fault.New(fault.Usage, "there is no reason %q", cut(reason)))
		return
	}
	p := quarantinePage{Reason: reason, Reasons: h.reasonLinks(reason)}
	var err error
	p.rejections, err = readRejections(r.Context(), blob.Join(h.root, "quarantine", "quarantine.jsonl"), fault.Code(reason), at)
	switch {
	case fault.CodeOf(err) == fault.NotFound:
		p.Missing = true
	case err != nil:
		h.fail(w, r, err)
		return
	}
	if at > 0 {
		p.First = rejectionsAddress(reason, 0)
	}
	if p.next > 0 {
		p.Next = rejectionsAddress(reason, p.next)
	}
	h.render(w, r, http.StatusOK, "quarantine", "Quarantine", p)
}

func (h *Handler) reasonLinks(here string) []reasonLink {
	links := []reasonLink{{"all", rejectionsAddress("", 0), h.m.Quarantine.Examples, here == ""}}
	for _, c := range fault.Reasons {
		if n := h.m.Quarantine.Reasons[c]; n > 0 {
			links = append(links, reasonLink{string(c), rejectionsAddress(string(c), 0), n, here == string(c)})
		}
	}
	return links
}

func rejectionsAddress(reason string, at int64) string {
	q := url.Values{}
	if reason != "" {
		q.Set("reason", reason)
	}
	if at > 0 {
		q.Set("at", strconv.FormatInt(at, 10))
	}
	if len(q) == 0 {
		return "/quarantine"
	}
	return "/quarantine?" + q.Encode()
}

// readRejections reads a page of the list from byte at on; within a line it
// starts at the next one.
func readRejections(ctx context.Context, addr string, reason fault.Code, at int64) (rejections, error) {
	var page rejections
	o, err := blob.Open(ctx, addr)
	if err != nil {
		return page, err
	}
	defer o.Close()
	start := max(at-1, 0) // at the line feed before, so that it ends an empty rest
	lines := &lineReader{r: bufio.NewReaderSize(io.NewSectionReader(o, start, max(o.Size()-start, 0)), 64<<10), at: start}
	if at > 0 {
		if _, err := lines.next(); err != nil {
			return page, endOfFile(err)
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return page, err
		}
		begin := lines.at
		line, err := lines.next()
		if err != nil {
			return page, endOfFile(err)
		}
		var x datasets.Rejection
		switch {
		case len(line) == 0:
		case json.Unmarshal(line, &x) != nil:
			page.Broken++
		case reason == "" || x.Reason == reason:
			if len(page.Rows) == rejectionsPage {
				page.next = begin
				return page, nil
			}
			page.Rows = append(page.Rows, x)
		}
	}
}

func endOfFile(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// lineReader reads lines of bounded length; of a longer one it gives the
// beginning, which is then no JSON.
type lineReader struct {
	r  *bufio.Reader
	at int64 // byte of the file where the next line starts
}

func (l *lineReader) next() ([]byte, error) {
	var line []byte
	for {
		part, err := l.r.ReadSlice('\n')
		l.at += int64(len(part))
		if len(line) < maxLine {
			line = append(line, part...)
		}
		switch {
		case err == nil:
			return line[:max(len(line)-1, 0)], nil
		case errors.Is(err, bufio.ErrBufferFull):
		case len(line) > 0 && errors.Is(err, io.EOF):
			return line, nil
		default:
			return nil, err
		}
	}
}
