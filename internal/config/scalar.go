package config

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

var errQuoted = errors.New("is text because it is in quotes")

// tryLeaf fills values that are written as one scalar, or in one of two forms, and
// reports whether into has such a type.
func (d *decoder) tryLeaf(path string, n *yaml.Node, into any) bool {
	switch v := into.(type) {
	case *Secret:
		d.fields[path].secret = true
		if text, ok := d.scalarText(path, n, describeField(path, reflect.TypeFor[Secret]())); ok {
			*v = Secret(text)
		}
	case *string:
		if text, ok := d.scalarText(path, n, describeField(path, reflect.TypeFor[string]())); ok {
			*v = text
		}
	case *Missed:
		parseScalarInto(d, path, n, v, "run or skip", func(text string) (Missed, error) { return Missed(text), nil })
	case *ReadMode:
		parseScalarInto(d, path, n, v, wantRead, func(text string) (ReadMode, error) { return ReadMode(text), nil })
	case *NotificationFormat:
		parseScalarInto(d, path, n, v, "json or slack", func(text string) (NotificationFormat, error) { return NotificationFormat(text), nil })
	case *int:
		parseScalarInto(d, path, n, v, "a whole number", rejectQuoted(n, strconv.Atoi))
	case *bool:
		parseScalarInto(d, path, n, v, "true or false", rejectQuoted(n, parseBool))
	case *time.Duration:
		parseScalarInto(d, path, n, v, "a duration such as 10s, 24h or 400d", parseDuration)
	case *Limit:
		d.rateLimit(path, n, v)
	case *Selection:
		d.selection(path, n, v)
	case *Rule:
		d.rule(path, n, v)
	default:
		return false
	}
	return true
}

// parseScalarInto sets v to what parse makes of n.
func parseScalarInto[T any](d *decoder, path string, n *yaml.Node, v *T, want string, parse func(string) (T, error)) {
	text, ok := d.scalarText(path, n, want)
	if !ok {
		return
	}
	parsed, err := parse(text)
	if err != nil {
		hint := ""
		if errors.Is(err, errQuoted) {
			hint = "remove the quotes"
		}
		d.report(path, "must be "+want+", is "+d.shownValue(path), hint)
		return
	}
	*v = parsed
}

// rejectQuoted is parse for values that YAML has a type for: in quotes they are text,
// unless the quotes are around a variable.
func rejectQuoted[T any](n *yaml.Node, parse func(string) (T, error)) func(string) (T, error) {
	quoted := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 && !strings.Contains(n.Value, "$")
	return func(text string) (T, error) {
		if quoted {
			var zero T
			return zero, errQuoted
		}
		return parse(text)
	}
}

// scalarText returns the text of n with its variables expanded, and whether there
// is any: an empty text counts as no value at all.
func (d *decoder) scalarText(path string, n *yaml.Node, want string) (string, bool) {
	f := d.fields[path]
	if n.Kind != yaml.ScalarNode {
		d.report(path, "must be "+want+", is "+kindOf(n), "")
		return "", false
	}
	text, vars, problems := expand(n.Value, d.env)
	f.text, f.vars, f.set, f.bare = text, vars, text != "", n.Tag != "!!str"
	for _, p := range problems {
		if d.readOnly && p.Field == missingVariable && path != "database" {
			f.bad = true
			continue
		}
		d.report(path, p.Message, p.Hint)
	}
	return text, text != "" && len(problems) == 0
}

// shownValue describes the scalar at path for a message. It never shows a secret or the
// value of a variable.
func (d *decoder) shownValue(path string) string {
	switch f := d.fieldAt(path); {
	case len(f.vars) > 0:
		return "the value of " + strings.Join(f.vars, " and ")
	case f.secret:
		return "another value"
	case f.bare:
		return f.text
	default:
		return quote(f.text)
	}
}

func quote(text string) string {
	if runes := []rune(text); len(runes) > 60 {
		text = string(runes[:60]) + "…"
	}
	return strconv.Quote(text)
}

func (d *decoder) rateLimit(path string, n *yaml.Node, v *Limit) {
	if n.Kind != yaml.ScalarNode {
		d.mapping(path, n, reflect.ValueOf(v).Elem())
		return
	}
	want := describeType(reflect.TypeFor[Limit]())
	if text, ok := d.scalarText(path, n, want); ok && text != "none" {
		d.report(path, "must be "+want+", is "+d.shownValue(path), "")
	}
}

func (d *decoder) selection(path string, n *yaml.Node, v *Selection) {
	if n.Kind == yaml.ScalarNode {
		want := describeType(reflect.TypeFor[Selection]())
		text, ok := d.scalarText(path, n, want)
		if ok && text != "all" {
			hint := ""
			if len(d.fields[path].vars) == 0 {
				hint = "for this one only, write [" + text + "]"
			}
			d.report(path, "must be "+want+", is "+d.shownValue(path), hint)
		}
		v.All = ok && text == "all"
		return
	}
	var names []string
	d.sequence(path, n, reflect.ValueOf(&names).Elem())
	if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
		d.report(path, "must be all or a list of names, is an empty list", "")
	}
	for _, name := range names {
		switch {
		case name == "all":
			v.All = true
		case !slices.Contains(v.Names, name):
			v.Names = append(v.Names, name)
		}
	}
}

func parseBool(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, fmt.Errorf("%q is neither true nor false", text)
	}
	return text == "true", nil
}

// parseDuration is time.ParseDuration and whole days: 400d.
func parseDuration(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	days, ok := strings.CutSuffix(text, "d")
	if !ok {
		return time.ParseDuration(text)
	}
	n, err := strconv.ParseInt(days, 10, 64)
	if err == nil && (n < 0 || n > math.MaxInt64/int64(day)) {
		err = fmt.Errorf("%s days are out of range", days)
	}
	return time.Duration(n) * day, err
}
