package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
)

// SHA256 is the hash of the object at addr, in hex; "" for an empty address.
func SHA256(ctx context.Context, addr string) (string, error) {
	if addr == "" {
		return "", nil
	}
	o, err := Open(ctx, addr)
	if err != nil {
		return "", err
	}
	defer o.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(o, 0, o.Size())); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
