package served

import (
	"context"
	"encoding/base64"
	"errors"

	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/kernels/picture"
	"github.com/tailorbird/tailorbird/kernels/raster"
	"github.com/tailorbird/tailorbird/methods/addsd"
)

// ask asks for items until each has its picture or its rejection. The error ends
// the run.
func (g *Generator) ask(ctx context.Context, pending []*item) error {
	heard := g.breaker.count()
	for len(pending) > 0 {
		if err := g.breaker.state(); err != nil {
			return err
		}
		out, err := g.exchange(ctx, pending)
		if err != nil {
			return err
		}
		now := g.breaker.count()
		if out.kind == unheard {
			if err := g.miss(pending, out.err, now != heard); err != nil {
				return err
			}
		}
		heard = now
		if pending, err = g.settle(pending, &out); err != nil {
			return err
		}
		if len(pending) == 0 {
			return nil
		}
		if out.kind == declined && len(pending) > 1 {
			out.wait = 0
		} else if err := g.pause(ctx, pending[0], out.wait); err != nil {
			return err
		}
		if len(pending) > 1 && (out.kind == failed || out.kind == declined) {
			half := (len(pending) + 1) / 2
			if err := g.ask(ctx, pending[:half]); err != nil {
				return err
			}
			pending = pending[half:]
		}
	}
	return nil
}

// miss notes that a request did not reach the server. While others hear of it the
// miss counts as a try; otherwise it counts towards the breaker.
func (g *Generator) miss(pending []*item, why error, othersHeard bool) error {
	for _, it := range pending {
		if othersHeard {
			it.tries, it.dials = it.tries+1, 0
		} else {
			it.dials++
		}
	}
	if n := pending[0].dials; n >= g.opts.Breaker {
		return g.breaker.trip(fault.New(fault.Transient, "served: %s could not be reached %d times in a row: %v", g.url, n, addsd.RejectionOf(why).Message))
	}
	return nil
}

// settle gives items what an outcome holds for them and returns those that are to
// be asked for again.
func (g *Generator) settle(pending []*item, out *outcome) ([]*item, error) {
	var left []*item
	for _, it := range pending {
		final, err := g.result(it, out)
		if err == nil {
			g.breaker.settled(true, g.opts.Breaker, nil)
			continue
		}
		r := addsd.RejectionOf(err)
		if r == nil {
			return nil, err
		}
		// Alone, a request that the server declines stays declined.
		if out.kind == declined && len(pending) == 1 {
			final = true
		}
		if out.kind != unheard && out.kind != declined {
			it.tries, it.dials = it.tries+1, 0
		}
		if !final && it.tries <= g.opts.Retries {
			left = append(left, it)
			continue
		}
		it.made.Err = err
		g.breaker.settled(r.Reason != addsd.Unreachable, g.opts.Breaker, err)
	}
	return left, nil
}

// result gives it the picture that an outcome holds for it, or says why there is
// none, and whether that is final.
func (g *Generator) result(it *item, out *outcome) (final bool, err error) {
	res, ok := out.answer.results[it.id]
	set := 0
	for _, s := range []*string{res.Image, res.Refused, res.Error} {
		if s != nil {
			set++
		}
	}
	switch {
	case !ok && out.kind != whole:
		return false, out.err
	case !ok:
		return false, addsd.Reject(addsd.Unreachable, "the answer leaves it out")
	case out.answer.twice[it.id]:
		return false, addsd.Reject(addsd.BadImage, "answered twice, and differently")
	case set != 1:
		return false, addsd.Reject(addsd.BadImage, "%d of image, refused and error in one result", set)
	case res.Refused != nil:
		return true, addsd.Reject(addsd.Refused, "the server declined%s", excerpt([]byte(*res.Refused)))
	case res.Error != nil:
		return res.Retry != nil && !*res.Retry, addsd.Reject(addsd.BadImage, "the server reports an error%s", excerpt([]byte(*res.Error)))
	}
	made := &raster.RGB{}
	if final, err := g.decode(made, it, *res.Image); err != nil {
		return final, err
	}
	if it.made.Image, err = made, nil; it.geometry.Mode == addsd.ResizeMode || it.geometry.Mode == addsd.PadMode {
		it.made.Image = &raster.RGB{}
		err = it.geometry.Back(it.made.Image, made)
	}
	it.made.Frame, it.made.Objects = it.geometry.Frame(), it.objects
	return false, err
}

// decode reads the picture of a result. A picture that is whole and bad is final:
// the same seed gives the same again, and another attempt has another seed.
func (g *Generator) decode(dst *raster.RGB, it *item, text string) (final bool, err error) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return false, addsd.Reject(addsd.BadImage, "the image: %v", err)
	}
	if kind := picture.Sniff(data); kind != picture.PNG && kind != picture.JPEG {
		return false, addsd.Reject(addsd.BadImage, "the image is neither PNG nor JPEG but %s", kind)
	}
	d := g.decoder()
	defer g.back(d)
	info, err := d.Info(data)
	if err != nil {
		return false, broken(err)
	}
	if info.Width != it.wire.Width || info.Height != it.wire.Height {
		return true, addsd.Reject(addsd.WrongSize, "%d x %d pixels, asked for %d x %d", info.Width, info.Height, it.wire.Width, it.wire.Height)
	}
	if err := d.RGB(dst, data); err != nil {
		return false, broken(err)
	}
	if uniform(dst) {
		return true, addsd.Reject(addsd.BadImage, "the image is of one colour, R %d G %d B %d", dst.Pix[0], dst.Pix[1], dst.Pix[2])
	}
	return false, nil
}

// broken makes a rejection of a decoder's error, unless it is the machinery's.
func broken(err error) error {
	if fault.CodeOf(err) == "" || errors.Is(err, context.Canceled) {
		return err
	}
	return addsd.Reject(addsd.BadImage, "the image: %v", err)
}

// uniformSpan is how far the samples of a channel may lie apart in a picture of
// one colour: a JPEG of black is not black to the last level.
const uniformSpan = 4

// uniform reports whether a picture shows one colour only, as those of safety
// filters and of overflowing arithmetic do.
func uniform(m *raster.RGB) bool {
	low, high := [3]byte{255, 255, 255}, [3]byte{}
	for i := 0; i+2 < len(m.Pix); i += 3 {
		for c := range 3 {
			low[c], high[c] = min(low[c], m.Pix[i+c]), max(high[c], m.Pix[i+c])
		}
		if i%3072 == 0 && (int(high[0])-int(low[0]) > uniformSpan || int(high[1])-int(low[1]) > uniformSpan || int(high[2])-int(low[2]) > uniformSpan) {
			return false
		}
	}
	for c := range 3 {
		if int(high[c])-int(low[c]) > uniformSpan {
			return false
		}
	}
	return true
}
