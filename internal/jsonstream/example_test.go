package jsonstream_test

import (
	"fmt"
	"strings"

	"github.com/tailorbird/tailorbird/internal/jsonstream"
)

func ExampleScanner() {
	file := strings.NewReader(`{"info": {}, "annotations": [{"id": 3, "segmentation": [[1, 2.5]]}, {"id": 9}]}`)
	s := jsonstream.NewScanner(file, jsonstream.Options{Name: "instances.json"})
	err := s.Object(func(section string) error {
		if section != "annotations" {
			return nil // skipped
		}
		return s.Array(func(int) error {
			rec, err := s.Record()
			if err != nil {
				return err
			}
			id, err := jsonstream.Int(jsonstream.Lookup(rec.Fields, "id"))
			fmt.Printf("annotation %d is %d bytes at %d\n", id, len(rec.Raw), rec.Offset)
			return err
		})
	})
	if err == nil {
		err = s.End()
	}
	fmt.Println(err)
	// Output:
	// annotation 3 is 37 bytes at 29
	// annotation 9 is 9 bytes at 68
	// <nil>
}
