package refcoco

import (
	"github.com/tailorbird/tailorbird/datasets"
	"github.com/tailorbird/tailorbird/internal/fault"
	"github.com/tailorbird/tailorbird/internal/pickle"
)

// ref is one record of a refs file. Its sentences stay in the pickle until they
// are asked for.
type ref struct {
	id         int64
	annID      int64
	imageID    int64
	categoryID int64
	split      string
	sentences  pickle.Value
	err        error // why it can be part of no example
}

// maxSplits bounds the work of comparing each split with each other one; the
// largest set of the family (refclef) has 8.
const maxSplits = 32

// parseRefs reads a refs file. A record without a usable image or split is an
// error of the whole file, for it cannot even be set aside; any other fault stays
// with its ref.
func parseRefs(data []byte) ([]ref, error) {
	doc, err := pickle.Parse(data, pickle.Options{})
	if err != nil {
		return nil, err
	}
	list := doc.Root()
	if err := list.Want(pickle.List); err != nil {
		return nil, fault.New(fault.Corrupt, "no list of refs: %w", err)
	}
	refs := make([]ref, 0, list.Len())
	splits := map[string]string{}
	for i := range list.Len() {
		r, err := parseRef(list.Index(i), splits)
		if err != nil {
			return nil, fault.New(fault.CodeOf(err), "record %d: %w", i, err)
		}
		if r.err != nil {
			r.err = fault.New(fault.CodeOf(r.err), "ref %d (record %d): %w", r.id, i, r.err)
		}
		refs = append(refs, r)
	}
	return refs, nil
}

// parseRef reads one record by its keys. splits holds each split's name once.
func parseRef(v pickle.Value, splits map[string]string) (r ref, err error) {
	if err := v.Want(pickle.Dict); err != nil {
		return r, err
	}
	if r.imageID, err = integer(v, "image_id"); err != nil {
		return r, err
	}
	if r.split, err = splitOf(v, splits); err != nil {
		return r, err
	}
	if r.id, err = integer(v, "ref_id"); err != nil {
		r.id, r.err = -1, err
		return r, nil
	}
	if r.annID, r.err = integer(v, "ann_id"); r.err != nil {
		return r, nil
	}
	if r.categoryID, r.err = integer(v, "category_id"); r.err != nil {
		return r, nil
	}
	r.sentences, r.err = member(v, "sentences")
	return r, nil
}

// splitOf is the name of the split, which becomes part of file names.
func splitOf(v pickle.Value, splits map[string]string) (string, error) {
	f, err := member(v, "split")
	if err != nil {
		return "", err
	}
	b, err := f.Bytes()
	if err != nil {
		return "", fault.New(fault.Corrupt, "split: %w", err)
	}
	if s, ok := splits[string(b)]; ok {
		return s, nil
	}
	if !isName(b) {
		return "", fault.New(fault.Corrupt, "split: %.40q is no name (up to 40 of A-Z a-z 0-9 _ -)", b)
	}
	if len(splits) == maxSplits {
		return "", fault.New(fault.TooLarge, "split: %q is one more than the %d that a file may have", b, maxSplits)
	}
	s := string(b)
	splits[s] = s
	return s, nil
}

func isName(b []byte) bool {
	for _, c := range b {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return len(b) > 0 && len(b) <= 40
}

// parseSentences reads the sentences of r. A ref without a sentence, and a
// sentence with neither raw nor normalised text, name nothing.
func (r *ref) parseSentences() ([]datasets.Sentence, error) {
	if err := r.sentences.Want(pickle.List); err != nil {
		return nil, fault.New(fault.Corrupt, "ref %d: sentences: %w", r.id, err)
	}
	if r.sentences.Len() == 0 {
		return nil, fault.New(fault.InvalidAnnotation, "ref %d: no sentence", r.id)
	}
	out := make([]datasets.Sentence, r.sentences.Len())
	for i := range out {
		s, err := parseSentence(r.sentences.Index(i))
		if err != nil {
			return nil, fault.New(fault.Corrupt, "ref %d: sentences[%d].%w", r.id, i, err)
		}
		if s.Raw == "" && s.Sent == "" {
			return nil, fault.New(fault.InvalidAnnotation, "ref %d: sentences[%d] (sent_id %d) is empty", r.id, i, s.SentID)
		}
		out[i] = s
	}
	return out, nil
}

func parseSentence(v pickle.Value) (s datasets.Sentence, err error) {
	if s.SentID, err = integer(v, "sent_id"); err != nil {
		return s, err
	}
	if s.Raw, err = text(v, "raw"); err != nil {
		return s, err
	}
	if s.Sent, err = text(v, "sent"); err != nil {
		return s, err
	}
	tokens, err := member(v, "tokens")
	if err == nil {
		err = tokens.Want(pickle.List)
	}
	if err != nil {
		return s, fault.New(fault.Corrupt, "tokens: %w", err)
	}
	s.Tokens = make([]string, tokens.Len())
	for i := range s.Tokens {
		if s.Tokens[i], err = tokens.Index(i).Text(); err != nil {
			return s, fault.New(fault.Corrupt, "tokens[%d]: %w", i, err)
		}
	}
	return s, nil
}

func member(v pickle.Value, key string) (pickle.Value, error) {
	f, ok := v.Lookup(key)
	if !ok {
		return f, fault.At(fault.New(fault.Corrupt, "no %s", key), fault.Offset("", v.Offset()))
	}
	return f, nil
}

func integer(v pickle.Value, key string) (int64, error) {
	f, err := member(v, key)
	if err != nil {
		return 0, err
	}
	n, err := f.Int()
	if err != nil {
		return 0, fault.New(fault.Corrupt, "%s: %w", key, err)
	}
	return n, nil
}

func text(v pickle.Value, key string) (string, error) {
	f, err := member(v, key)
	if err != nil {
		return "", err
	}
	s, err := f.Text()
	if err != nil {
		return "", fault.New(fault.Corrupt, "%s: %w", key, err)
	}
	return s, nil
}
