package coco

import (
	"bytes"
	"encoding/json"

	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/jsonstream"
)

// category adds one line of the category table; a broken table is an error of
// the whole file, for every annotation leans on it.
func (sc *scan) category(rec jsonstream.Record) (err error) {
	var c datasets.Class
	if c.ID, err = integer(rec.Fields, "id"); err != nil {
		return fault.New(fault.Corrupt, "category: %w", err)
	}
	for _, f := range []struct {
		name string
		to   *string
	}{
		{"name", &c.Name}, {"supercategory", &c.Supercategory}, {"synset", &c.Synset},
		{"frequency", &c.Frequency}, {"def", &c.Definition},
	} {
		if *f.to, err = optionalText(rec.Fields, f.name); err != nil {
			return fault.New(fault.Corrupt, "category %d: %w", c.ID, err)
		}
	}
	if c.Name == "" {
		return fault.New(fault.Corrupt, "category %d: no name", c.ID)
	}
	if raw := optional(rec.Fields, "synonyms"); raw != nil {
		err = jsonstream.Elements(raw, func(_ int, e []byte) error {
			s, err := jsonstream.Text(e)
			c.Synonyms = append(c.Synonyms, s)
			return err
		})
		if err != nil {
			return fault.New(fault.Corrupt, "category %d: synonyms: %w", c.ID, err)
		}
	}
	sc.p.Meta.Classes = append(sc.p.Meta.Classes, c)
	return nil
}

func (sc *scan) license(rec jsonstream.Record) (err error) {
	var l datasets.License
	if l.ID, err = integer(rec.Fields, "id"); err != nil {
		return fault.New(fault.Corrupt, "license: %w", err)
	}
	if l.Name, err = optionalText(rec.Fields, "name"); err == nil {
		l.URL, err = optionalText(rec.Fields, "url")
	}
	if err != nil {
		return fault.New(fault.Corrupt, "license %d: %w", l.ID, err)
	}
	sc.p.Meta.Licenses = append(sc.p.Meta.Licenses, l)
	return nil
}

// info keeps the file's own description, without its white space.
func (sc *scan) info() error {
	raw, _, err := sc.s.Value()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return err
	}
	sc.p.Meta.Info = b.String()
	return nil
}

// distinctClasses refuses two categories with one id.
func distinctClasses(classes []datasets.Class) error {
	seen := make(map[int64]string, len(classes))
	for _, c := range classes {
		if name, twice := seen[c.ID]; twice {
			return fault.New(fault.Conflict, "coco: category %d is %q and %q", c.ID, name, c.Name)
		}
		seen[c.ID] = c.Name
	}
	return nil
}

// optional returns the value of a member, nil where it is missing or null.
func optional(fields []jsonstream.Field, name string) []byte {
	raw := jsonstream.Lookup(fields, name)
	if string(raw) == "null" {
		return nil
	}
	return raw
}

func optionalText(fields []jsonstream.Field, name string) (string, error) {
	raw := optional(fields, name)
	if raw == nil {
		return "", nil
	}
	s, err := jsonstream.Text(raw)
	if err != nil {
		return "", fault.New(fault.InvalidAnnotation, "%s: %w", name, err)
	}
	return s, nil
}

// integer reads a member that must be there.
func integer(fields []jsonstream.Field, name string) (int64, error) {
	raw := optional(fields, name)
	if raw == nil {
		return 0, fault.New(fault.InvalidAnnotation, "no %s", name)
	}
	n, err := jsonstream.Int(raw)
	if err != nil {
		return 0, fault.New(fault.InvalidAnnotation, "%s: %w", name, err)
	}
	return n, nil
}
