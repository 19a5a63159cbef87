package picture

// Info is ReadInfo under the Decoder's limits: a picture that RGB would refuse
// for its size is refused here.
func (d *Decoder) Info(data []byte) (Info, error) {
	_, info, err := d.open(data)
	return info, err
}
