package shards

import (
	"context"
	"path"
	"strings"

	"github.com/tailorbird/tailorbird/internal/blob"
	"github.com/tailorbird/tailorbird/kernels/picture"
)

// maxLink bounds the text of a link, bytes.
const maxLink = 1024

// linkTarget reads a symbolic link that was stored as text, as Git does where
// core.symlinks is off and as some archivers do: the file holds the relative path
// of another one and nothing else. It returns the target below the input of role
// images. A target outside the directory that holds that input is not followed.
func linkTarget(name string, data []byte) (string, bool) {
	if name == "" || len(data) == 0 || len(data) > maxLink || picture.Sniff(data) != picture.Other {
		return "", false
	}
	text := string(data)
	for _, c := range text {
		if c < ' ' || c == '\\' || c == 0xFFFD {
			return "", false
		}
	}
	switch strings.ToLower(path.Ext(text)) {
	case ".jpg", ".jpeg", ".png":
	default:
		return "", false
	}
	target := path.Join(path.Dir(name), text)
	if path.IsAbs(text) || strings.Contains(text, ":") || target == name || strings.HasPrefix(target, "../../") {
		return "", false
	}
	return target, true
}

// follow replaces data by what it links to, where it is a link stored as text
// and its target is there.
func (p *pool) follow(ctx context.Context, r *result, data []byte) ([]byte, error) {
	target, ok := linkTarget(r.item.Name, data)
	if !ok {
		return data, nil
	}
	addr := p.job.input("images", target)
	info, err := blob.Stat(ctx, addr)
	if err != nil || info.Size <= maxLink {
		return data, nil // as it stands; decoding will say what is wrong with it
	}
	return p.load(ctx, r, addr, 0, info.Size)
}
