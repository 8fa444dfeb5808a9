package config

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A decoder fills a Config from YAML nodes and remembers where each field
// came from, so that whatever is found wrong with it later has a position.
// It is made for one file. The Go types and their yaml tags are all it knows
// of the file's structure: a field whose tag lacks omitempty is required.
type decoder struct {
	file     string
	env      func(string) (string, bool)
	fields   map[string]*fieldState
	problems Errors
	warnings Errors
	readOnly bool // see LoadReadOnly
}

// value fills v from n. What has no value, or an empty one, leaves v alone.
func (d *decoder) value(path string, n *yaml.Node, v reflect.Value) {
	f := &fieldState{position: position{n.Line, n.Column}}
	d.fields[path] = f
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	f.set = true
	if n.Tag != "" && !strings.HasPrefix(n.Tag, "!!") {
		d.report(path, "must not have a tag", "put text that begins with ! in quotes")
		return
	}
	if d.tryLeaf(path, n, v.Addr().Interface()) {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.mapping(path, n, v)
	case reflect.Slice:
		d.sequence(path, n, v)
	case reflect.Map:
		d.nameMap(path, n, v)
	default:
		panic(fmt.Sprintf("config: no decoding for %s at %s", v.Type(), path))
	}
}

// mapping fills the struct v from n's keys and continues after each problem.
func (d *decoder) mapping(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.report(path, "must be "+describeType(v.Type())+", is "+kindOf(n), "")
		return
	}
	keys := fieldIndexByKey(v.Type())
	first := map[string]int{} // key -> line
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, at := n.Content[i], join(path, shownKey(n.Content[i].Value))
		line, again := first[key.Value]
		index, known := keys[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.reportAt(key, path, "must be a key, is "+kindOf(key), "")
		case !known:
			d.unknownKey(path, key, v.Type())
		case again:
			d.reportAt(key, at, fmt.Sprintf("is set twice, also on line %d", line), "")
		default:
			first[key.Value] = key.Line
			d.value(at, n.Content[i+1], v.Field(index))
		}
	}
	d.required(path, v)
}

// unknownKey reports key. The key it probably stands for does not count as
// missing: one mistake, one problem.
func (d *decoder) unknownKey(path string, key *yaml.Node, t reflect.Type) {
	hint := "merge keys are not supported: repeat the keys, or use a whole value by *anchor"
	if key.Value != "<<" {
		hint = nameHint(key.Value, keyNames(t))
	}
	d.reportAt(key, join(path, shownKey(key.Value)), "unknown key", hint)
	meant := nearest(key.Value, keyNames(t))
	if at := join(path, meant); meant != "" && d.fields[at] == nil {
		d.fields[at] = &fieldState{position: position{key.Line, key.Column}, bad: true}
	}
}

// required reports the keys of v that must have a value and have none.
func (d *decoder) required(path string, v reflect.Value) {
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		if name == "-" || options == "omitempty" {
			continue
		}
		if at := join(path, name); !d.fieldAt(at).set && !d.fieldAt(at).bad {
			d.report(at, "is not set, must be "+describeField(at, v.Field(i).Type()), "")
		}
	}
}

// sequence fills the slice v; an empty list counts as no value.
func (d *decoder) sequence(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.report(path, "must be a list, is "+kindOf(n), "write [value, value], or one value per line after a dash")
		return
	}
	if len(n.Content) == 0 {
		d.fields[path].set = false
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.value(at, item, v.Index(i))
		if !d.fieldAt(at).set && !d.fieldAt(at).bad {
			d.report(at, "is empty, must be "+describeType(v.Type().Elem()), "")
		}
	}
}
