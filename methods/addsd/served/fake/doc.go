// Package fake is an editing server without a model, for tests and demonstrations:
// it draws a shape whose form and colour follow from the object's name into a quiet
// place of the picture, and goes wrong in every way that a real server does, on
// command.
//
//	s := &fake.Server{Faults: fake.Some(1, fake.Shares{Refuse: 0.05, Busy: 0.02})}
//	url, stop, err := s.Start()
//	if err != nil {
//		return err
//	}
//	defer stop()
//	g, err := served.Open(ctx, served.Options{URL: url})
//
// Guarantees: a picture follows from its item and the fields of Server alone, and
// so do the items that Some spoils, in whatever order they come. The handler is
// safe for concurrent use.
//
// Caveats: Reset, ResetBody and Hang need the connection of a real net/http server;
// it draws on the pixels that it sees and knows nothing of what they show.
package fake
