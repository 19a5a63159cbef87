package fake

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd/served/protocol"
)

// Break is a way in which a whole response goes wrong.
type Break uint8

// The ways. Those with a body send the results of Fault.After items first.
const (
	Sound        Break = iota
	Hang               // says nothing until the client has gone
	Reset              // the connection breaks before the response
	ResetBody          // it breaks in the middle of the body
	Truncate           // the body ends in the middle of a result, and the connection with it
	NaN                // a result with NaN where JSON has numbers
	HTML               // a page for people, status 200
	Garbage            // bytes that are no JSON
	GzipBomb           // a small body that unpacks to a large one, which was not asked for
	AbsurdLength       // a Content-Length of an exabyte
	Endless            // results for ids that nobody asked for, without end
)

// Fault is what goes wrong with one call. The zero value is nothing.
type Fault struct {
	Status     int    // answer with this status and no result
	RetryAfter string // header, with Status
	Redirect   string // Location, with Status
	Text       string // body, with Status
	Break      Break
	After      int // results before it breaks
	Reverse    bool
	Weights    string // say that these are the weights now
	// Items spoils single results, by position in the batch.
	Items map[int]Spoil
}

// breaks answers for faults that need no result, and reports whether it did.
func (f *Fault) breaks(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case f.Status != 0:
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		if f.Redirect != "" {
			w.Header().Set("Location", f.Redirect)
		}
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, f.Text)
	case f.Break == Hang:
		<-r.Context().Done()
	case f.Break == Reset:
		cut(w, nil, true)
	case f.Break == HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<!DOCTYPE html><title>502</title><p>Bad gateway")
	case f.Break == Garbage:
		_, _ = w.Write([]byte{0xff, 0, 0x7b, 0x22, 0xfe})
	case f.Break == GzipBomb:
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb(1 << 17))
	case f.Break == AbsurdLength:
		cut(w, []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1152921504606846976\r\n\r\n{\"items\":["), false)
	default:
		return false
	}
	return true
}

// write sends results, and breaks as f says.
func (f *Fault) write(w http.ResponseWriter, r *http.Request, weights string, results [][]byte) {
	if f.Reverse {
		slices.Reverse(results)
	}
	if f.Weights != "" {
		weights = f.Weights
	}
	head := fmt.Sprintf(`{"weights_sha256":%q,"items":[`, weights)
	if f.Break == Sound {
		body := []byte(head + string(bytes.Join(results, []byte(","))) + "]}\n")
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
		return
	}
	n := min(f.After, len(results))
	body := append([]byte(head), bytes.Join(results[:n], []byte(","))...)
	if n > 0 {
		body = append(body, ',')
	}
	switch f.Break {
	case NaN:
		_, _ = w.Write(append(body, `{"id":"x","seconds":NaN}]}`...))
	case Truncate, ResetBody:
		if n < len(results) {
			body = append(body, results[n][:len(results[n])/2]...)
		}
		response := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body)+1000, body)
		if f.Break == Truncate {
			response = fmt.Sprintf("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n%s", body)
		}
		cut(w, []byte(response), false)
	case Endless:
		for line := strings.Repeat(`{"id":"nobody","error":"x"},`, 1000); r.Context().Err() == nil; {
			if _, err := w.Write(append(body, line...)); err != nil {
				return
			}
			body = body[:0]
		}
	}
}

// cut writes raw bytes to the connection and closes it; with reset, so that the
// client hears of an error and not of an end.
func cut(w http.ResponseWriter, raw []byte, reset bool) {
	h, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	c, _, err := h.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	_, _ = c.Write(raw)
	if t, ok := c.(*net.TCPConn); ok && reset {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}

// bomb is n zeros in gzip.
func bomb(n int) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(make([]byte, n)) // memory takes every byte
	_ = z.Close()
	return b.Bytes()
}

// Spoil is a way in which one result goes wrong.
type Spoil uint8

// The ways.
const (
	Good        Spoil = iota
	Refuse            // refused, as by a safety filter
	OutOfMemory       // an error, worth another try
	Fail              // an error for good
	Black             // a black picture
	Uniform           // a grey one
	WrongSize         // half as wide
	CutImage          // the first half of the picture's bytes
	NotAnImage        // text where the picture should be
	NotBase64
	GzipImage  // the picture in gzip
	HugeHeader // a PNG that says that it has 60,000 x 60,000 pixels
	Empty      // neither picture nor reason
	Both       // a picture and a refusal
	Missing    // no result
	Twice      // the same result twice
	Unlike     // two different results
	Stranger   // a result for an id that was not asked for, beside the good one
	NullID     // the good result with an id that is no string
)

// results makes the results of one item.
func (s Spoil) results(res protocol.Result, img *raster.RGB, encode func(*raster.RGB) []byte) [][]byte {
	one := func(r protocol.Result) [][]byte { return [][]byte{marshal(r)} }
	res.Image = encode(img)
	switch s {
	case Refuse:
		return one(protocol.Result{ID: res.ID, Refused: "safety checker"})
	case OutOfMemory:
		return one(protocol.Result{ID: res.ID, Error: "out of memory"})
	case Fail:
		no := false
		return one(protocol.Result{ID: res.ID, Error: "not supported", Retry: &no})
	case Black, Uniform, WrongSize, CutImage, NotAnImage, GzipImage, HugeHeader:
		res.Image = s.picture(img, encode)
	case NotBase64:
		return [][]byte{fmt.Appendf(nil, `{"id":%q,"image":"%%%%"}`, res.ID)}
	case Empty:
		return one(protocol.Result{ID: res.ID})
	case Both:
		res.Refused = "safety checker"
	case Missing:
		return nil
	case Twice:
		return append(one(res), one(res)...)
	case Unlike:
		return append(one(res), one(protocol.Result{ID: res.ID, Refused: "safety checker"})...)
	case Stranger:
		return append(one(protocol.Result{ID: "stranger", Refused: "safety checker"}), one(res)...)
	case NullID:
		return [][]byte{bytes.Replace(marshal(res), fmt.Appendf(nil, "%q", res.ID), []byte("null"), 1)}
	}
	return one(res)
}

// picture is a spoiled form of img.
func (s Spoil) picture(img *raster.RGB, encode func(*raster.RGB) []byte) []byte {
	switch s {
	case Black, Uniform:
		flat := raster.NewRGB(img.Width, img.Height)
		if s == Uniform {
			for i := range flat.Pix {
				flat.Pix[i] = 128
			}
		}
		return encode(flat)
	case WrongSize:
		half := raster.NewRGB(max(img.Width/2, 1), img.Height)
		raster.Crop(half, img, 0, 0, raster.Color{})
		return encode(half)
	case CutImage:
		b := encode(img)
		return b[:len(b)/2]
	case NotAnImage:
		return []byte("<html>no picture</html>")
	case GzipImage:
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(encode(img)) // memory takes every byte
		_ = z.Close()
		return b.Bytes()
	}
	return hugePNG()
}
