package datasettest

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// damage cuts and overwrites each input that is a single file, at several
// places: the plan, or the examples planned, may be fewer or fail, but only with a
// typed error.
func (k *kit) damage() error {
	for _, role := range slices.Sorted(maps.Keys(k.Inputs)) {
		addr := k.Inputs[role]
		st, err := os.Stat(addr)
		if err != nil {
			return err
		}
		if st.IsDir() {
			continue
		}
		data, err := os.ReadFile(addr)
		if err != nil {
			return err
		}
		for _, d := range damages(data) {
			if err := k.damaged(role, addr, d.data); err != nil {
				return fmt.Errorf("inputs.%s %s: %w", role, d.name, err)
			}
		}
	}
	return nil
}

// damaged plans with bad in place of one input and builds what was planned.
func (k *kit) damaged(role, addr string, bad []byte) error {
	path := filepath.Join(k.dir, filepath.Base(addr))
	if err := os.WriteFile(path, bad, 0o600); err != nil {
		return err
	}
	in := k.with(role, path)
	pl := k.planOf(in)
	if pl.err != nil && !typed(pl.err) {
		return fmt.Errorf("plan: untyped: %w", pl.err)
	}
	for i := range pl.Refs {
		ref := &pl.Refs[i]
		rows, err := k.rows(in, ref)
		if err != nil {
			return fmt.Errorf("%s: rows: %w", ref.Key, err)
		}
		if _, err := k.example(ref, rows, &pl.Meta); err != nil && !typed(err) {
			return fmt.Errorf("%s: untyped: %w", ref.Key, err)
		}
	}
	return nil
}

// damage is a broken form of a file.
type damage struct {
	name string
	data []byte
}

func damages(data []byte) []damage {
	bad := []damage{
		{"with zeros for a middle part", overwrite(data, 0)},
		{"with 0xff for a middle part", overwrite(data, 0xff)},
		{"replaced by HTML", []byte("<!DOCTYPE html><html><title>Quota exceeded</title></html>")},
		{"twice", append(bytes.Clone(data), data...)},
		{"without its last byte", data[:len(data)-1]},
	}
	const places = 40
	for i := range places {
		n := len(data) * i / places
		flipped := bytes.Clone(data)
		flipped[n] ^= 1 << (i % 8)
		bad = append(bad,
			damage{fmt.Sprintf("cut after %d bytes", n), data[:n]},
			damage{fmt.Sprintf("with bit %d of byte %d flipped", i%8, n), flipped})
	}
	return bad
}

func overwrite(data []byte, with byte) []byte {
	bad := bytes.Clone(data)
	for i := len(bad) / 3; i < len(bad)/3+min(64, len(bad)/3); i++ {
		bad[i] = with
	}
	return bad
}
