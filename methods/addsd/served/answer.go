package served

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// answer is what could be read of the body of a response.
type answer struct {
	weights string
	results map[string]result // of the items that were asked for
	twice   map[string]bool   // of those, the ids with two results that differ
	broken  error             // why reading ended before the end, nil where it did not
}

// result is protocol.Result with what is absent told from what is empty.
type result struct {
	Image   *string `json:"image"` // base64
	Refused *string `json:"refused"`
	Error   *string `json:"error"`
	Retry   *bool   `json:"retry"`
}

// readAnswer reads an answer item by item, so that a body that ends early or goes
// wrong keeps what came before. Results that nobody asked for are dropped, and so
// are those that do not have the form of one.
func readAnswer(r io.Reader, asked map[string]bool) answer {
	a := answer{results: map[string]result{}, twice: map[string]bool{}}
	d := json.NewDecoder(r)
	a.broken = object(d, func(field string) error {
		switch field {
		case "items":
			return array(d, func(raw json.RawMessage) { a.add(raw, asked) })
		case "weights_sha256":
			// Of another type it is as good as absent.
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				return err
			}
			_ = json.Unmarshal(raw, &a.weights)
			return nil
		}
		var skipped json.RawMessage
		return d.Decode(&skipped)
	})
	return a
}

// add takes one element of items.
func (a *answer) add(raw json.RawMessage, asked map[string]bool) {
	var head struct {
		ID string `json:"id"`
	}
	var res result
	if json.Unmarshal(raw, &head) != nil || !asked[head.ID] || json.Unmarshal(raw, &res) != nil {
		return
	}
	if old, ok := a.results[head.ID]; ok && !old.equals(res) {
		a.twice[head.ID] = true
	}
	a.results[head.ID] = res
}

func (r result) equals(o result) bool {
	same := func(a, b *string) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }
	return same(r.Image, o.Image) && same(r.Refused, o.Refused) && same(r.Error, o.Error)
}

// object reads an object and hands each field to value, which reads its value.
func object(d *json.Decoder, value func(field string) error) error {
	if err := delim(d, '{'); err != nil {
		return err
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return early(err)
		}
		name, ok := t.(string)
		if !ok {
			return fmt.Errorf("field %v has no name", t)
		}
		if err := value(name); err != nil {
			return early(err)
		}
	}
	return delim(d, '}')
}

// array reads an array, element by element.
func array(d *json.Decoder, element func(json.RawMessage)) error {
	if err := delim(d, '['); err != nil {
		return err
	}
	for d.More() {
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		element(raw)
	}
	return delim(d, ']')
}

func delim(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return early(err)
	}
	if t != want {
		return fmt.Errorf("%v where %v should be", t, want)
	}
	return nil
}

// early names the end of a body that is not at its end.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// bounded fails after n bytes, where io.LimitReader would pretend an end.
type bounded struct {
	r io.Reader
	n int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.n <= 0 {
		return 0, errors.New("the answer is longer than the limit")
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.n)])
	b.n -= int64(n)
	return n, err
}
