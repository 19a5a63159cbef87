package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"io"
	"regexp"

	"github.com/tailorbird/tailorbird/internal/fault"
)

// Block is one section of a page that another package has written: HTML below a
// heading. ID is the anchor that the contents refer to.
type Block struct {
	ID, Title string
	HTML      template.HTML // trusted: whoever writes it escapes what it holds
}

// Page is what stands round the sections of a page.
type Page struct {
	Title  string
	Lead   string // one line below the title
	Hash   string // of the dataset, empty: none is named
	Origin string // a sentence of the foot: who made the page, of what
}

// WritePage writes blocks as a page of its own under the rules of Write: it
// loads nothing and runs no script. A Block without a proper id is fault.Bug;
// other errors are those of w.
func WritePage(w io.Writer, p Page, blocks []Block) error {
	if err := checkBlocks(blocks); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, string(More), &view{More: blocks}); err != nil {
		return fault.Wrap(fault.Bug, err)
	}
	return shell(w, p, template.HTML(b.String()), blocks)
}

// shell writes the page round body.
func shell(w io.Writer, p Page, body template.HTML, links []Block) error {
	hash := sha256.Sum256([]byte(css))
	var b bytes.Buffer
	err := pages.ExecuteTemplate(&b, "page", map[string]any{
		"Title": p.Title, "Lead": p.Lead, "Hash": p.Hash, "Origin": p.Origin, "Body": body, "Links": links, "CSS": template.CSS(css),
		"Policy": "default-src 'none'; img-src data:; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'; base-uri 'none'; form-action 'none'",
	})
	if err != nil {
		return fault.Wrap(fault.Bug, err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

var blockID = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// checkBlocks refuses ids that are no anchors, are there twice, or belong to a
// section of the report.
func checkBlocks(blocks []Block) error {
	seen := map[string]bool{}
	for _, s := range Sections() {
		seen[string(s)] = true
	}
	for _, b := range blocks {
		if !blockID.MatchString(b.ID) || seen[b.ID] {
			return fault.New(fault.Bug, "report: block id %q is no anchor or is taken", b.ID)
		}
		seen[b.ID] = true
	}
	return nil
}
