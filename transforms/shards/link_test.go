package shards

import "testing"

func TestALinkStoredAsTextIsFollowedInsideTheDataset(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"COCO_train2014_000000000136.jpg", "../train2017/000000000136.jpg", "../train2017/000000000136.jpg"},
		{"train2014/a.jpg", "../train2017/b.jpg", "train2017/b.jpg"},
		{"a.jpg", "b.JPEG", "b.JPEG"},
		{"a.jpg", "a.jpg", ""},
		{"a.jpg", "../../etc/x.jpg", ""},
		{"a.jpg", "/etc/x.jpg", ""},
		{"a.jpg", "http://host/x.jpg", ""},
		{"a.jpg", "../x.jpg\n", ""},
		{"a.jpg", "../passwd", ""},
		{"a.jpg", "\xff\xd8\xff.jpg", ""},
		{"", "b.jpg", ""},
	} {
		got, ok := linkTarget(c.name, []byte(c.data))
		if got != c.want || ok != (c.want != "") {
			t.Errorf("linkTarget(%q, %q) = %q, %t; want %q", c.name, c.data, got, ok, c.want)
		}
	}
}
