// Package served makes pictures with an image-editing model behind HTTP. The
// protocol is in docs/served.md, its types in package protocol, a server for
// diffusers pipelines in examples/serve_pix2pix.py, and one that needs no weights
// in package fake.
//
//	g, err := served.Open(ctx, served.Options{URL: "http://gpu7:8321"})
//	if err != nil {
//		return err // fault.Usage: the address is wrong; fault.Transient: no answer
//	}
//	defer g.Close()
//	made, err := g.Generate(ctx, reqs)
//
// The base picture is brought to the model's size by addsd.Geometry, and the
// answer brought back; Made.Frame and Made.Objects follow from that. Truth is nil:
// the model does not say where it put the object.
//
// Guarantees:
//   - Nothing that a server sends crashes the process or makes it read more than
//     Options.MaxResponseBytes. A sample that did not come is a *addsd.Rejection:
//     refused, unreachable, bad_image or wrong_size.
//   - A refusal and a whole picture, good or bad, are final. Everything else is
//     asked again, with exponential back-off and full jitter, and only the items
//     without an answer are. Retry-After is honoured up to five minutes.
//   - Options.Concurrency bounds the requests under way over all goroutines.
//   - No redirect is followed, so no header reaches another host.
//   - A cancelled context ends Generate at once, with the context's error.
//   - The answers of a deterministic server make the same Made whatever the
//     concurrency, the batches and the order of the answers.
//
// A server that is not there is no reason to reject samples. Where one request
// cannot connect Options.Breaker times in a row and nothing else was heard of the
// server meanwhile, or where as many samples in a row get no answer, the breaker
// opens: Generate returns a fault.Transient, and so do the calls under way. The
// next Generate asks /v1/info first and goes on if that answers.
//
// Caveats: a batch that fails is halved and asked again, so that one item that
// upsets the server does not take its neighbours with it; a server may see an item
// more than once. Weights that change between two runs are the business of who
// stored Identity; within a run they are noticed where the server repeats its
// weights_sha256.
package served
