package docs

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// style colours the picture for light and for dark; a net takes one of the
// hues in turn.
const style = `
svg { color-scheme: light dark; font: 11px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.page { fill: #ffffff; } .group { fill: #f3f5f8; stroke: #d5dae1; } .box { fill: #ffffff; stroke: #9aa4b2; }
.title { font-weight: bold; } text { fill: #1c2430; } .faint { fill: #667085; } .head { font: bold 14px system-ui, sans-serif; } .note { font: 12px system-ui, sans-serif; fill: #667085; }
.line { fill: none; stroke-width: 1.4; }
.n0 { stroke: #2563eb; fill: #2563eb; } .n1 { stroke: #c2410c; fill: #c2410c; } .n2 { stroke: #15803d; fill: #15803d; } .n3 { stroke: #9333ea; fill: #9333ea; }
.n4 { stroke: #be123c; fill: #be123c; } .n5 { stroke: #0e7490; fill: #0e7490; } .n6 { stroke: #a16207; fill: #a16207; } .n7 { stroke: #db2777; fill: #db2777; }
.n8 { stroke: #5a8f0b; fill: #5a8f0b; } .n9 { stroke: #475569; fill: #475569; }
.line { fill: none !important; }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117; } .group { fill: #161b22; stroke: #30363d; } .box { fill: #0d1117; stroke: #6e7681; }
text { fill: #e6edf3; } .faint, .note { fill: #9198a1; }
.n0 { stroke: #6ea8fe; fill: #6ea8fe; } .n1 { stroke: #ff9d5c; fill: #ff9d5c; } .n2 { stroke: #5bd180; fill: #5bd180; } .n3 { stroke: #c69cff; fill: #c69cff; }
.n4 { stroke: #ff8095; fill: #ff8095; } .n5 { stroke: #56c8dd; fill: #56c8dd; } .n6 { stroke: #e3b341; fill: #e3b341; } .n7 { stroke: #f778ba; fill: #f778ba; }
.n8 { stroke: #b5d95c; fill: #b5d95c; } .n9 { stroke: #a3b1c2; fill: #a3b1c2; }
}
`

const hues = 10

// WritePicture writes the data model as SVG: the tables of the mirror in their
// groups, with keys and references.
func (m *Model) WritePicture(w io.Writer) error {
	l := m.layout()
	p := &pen{}
	p.put(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`, l.width, l.height, l.width, l.height)
	p.put(`<title>Tables of the mirror and how they refer to each other</title><style>%s</style>`, style)
	p.put(`<rect class="page" width="%d" height="%d"/>`, l.width, l.height)
	p.text(gap, 26, "head", "Schema logto")
	p.text(gap, 44, "note", "A line leads from a column to the table whose id it holds. Shown are keys and references; tenant_id leads each of them. Written by make docs.")
	for _, f := range l.frames {
		p.put(`<rect class="group" x="%d" y="%d" width="%d" height="%d" rx="8"/>`, f.x, f.y, f.width, f.height)
		p.text(f.titleX, f.y+20, "head", f.title)
	}
	for i := range l.nets {
		p.net(l, i)
	}
	for _, b := range l.boxes {
		p.box(b, l.boxWidth)
	}
	p.put(`</svg>`)
	_, err := io.WriteString(w, p.String())
	return err
}

// A pen writes SVG.
type pen struct{ strings.Builder }

func (p *pen) put(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

func (p *pen) text(x, y int, class, text string) {
	p.put(`<text class="%s" x="%d" y="%d">%s</text>`, class, x, y, html.EscapeString(text))
}

func (p *pen) box(b *box, width int) {
	p.put(`<g><title>%s</title><rect class="box" x="%d" y="%d" width="%d" height="%d" rx="4"/>`,
		html.EscapeString(b.table.Comment), b.x, b.y, width, b.height())
	p.text(b.x+padding, b.rowAt(-1)+4, "title", b.table.Name)
	for i, c := range b.rows {
		key := "    "
		for _, name := range b.table.Key {
			if name == c.Name {
				key = "key "
			}
		}
		p.put(`<text xml:space="preserve" x="%d" y="%d"><tspan class="faint">%s</tspan>%s</text>`,
			b.x+padding, b.rowAt(i)+4, key, html.EscapeString(c.Name))
	}
	if b.more > 0 {
		p.text(b.x+padding, b.rowAt(len(b.rows))+4, "faint", fmt.Sprintf("and %d more", b.more))
	}
	p.put(`</g>`)
}

// net draws the lines that end at one table: a trunk in each gutter where it
// has pins, one above the boxes that joins them, and an arrow at the target.
func (p *pen) net(l *layout, i int) {
	n, hue := &l.nets[i], i%hues
	bus := l.top - lane*(n.bus+1)
	left, right := l.width, 0
	for column := range l.gutters {
		if !n.in(column) {
			continue
		}
		x := l.laneX(n, column)
		left, right = min(left, x), max(right, x)
		high, low := l.span(n, column)
		if n.far() {
			high = bus
		}
		p.put(`<path class="line n%d" d="M%d %dV%d"/>`, hue, x, high, low)
	}
	if n.far() {
		p.put(`<path class="line n%d" d="M%d %dH%d"/>`, hue, left, bus, right)
	}
	for _, pin := range n.pins {
		x := l.laneX(n, pin.from.column)
		p.put(`<path class="line n%d" d="M%d %dH%d"/><circle class="pin n%d" cx="%d" cy="%d" r="2.4"/>`, hue, x, pin.y, pin.from.x, hue, pin.from.x, pin.y)
	}
	end, y := n.target.x, n.target.rowAt(-1)
	p.put(`<path class="line n%d" d="M%d %dH%d"/><path class="n%d" d="M%d %dl-7 -4v8z"/>`, hue, l.laneX(n, n.target.column), y, end-5, hue, end, y)
}

// span returns how high and how low a net goes in the gutter of a column.
func (l *layout) span(n *net, column int) (high, low int) {
	high, low = l.height, 0
	reach := func(y int) { high, low = min(high, y), max(low, y) }
	if n.target.column == column {
		reach(n.target.rowAt(-1))
	}
	for _, pin := range n.pins {
		if pin.from.column == column {
			reach(pin.y)
		}
	}
	return high, low
}
