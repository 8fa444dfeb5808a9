package docs

import (
	"slices"
	"unicode/utf8"
)

// Measures of the picture, in its units. A letter is as wide as one of a
// monospaced font of 11 units, generously.
const (
	letter    = 6.9
	rowHeight = 17
	padding   = 10
	gap       = 18 // between boxes
	lane      = 7  // between two lines side by side
	headroom  = 30 // of a group's title
)

// A box is a table in the picture. Its rows are its key and its references.
type box struct {
	table  *Table
	column int // of the picture, from 0
	x, y   int
	rows   []*Column
	more   int // columns that are not shown
}

func (b *box) height() int { return rowHeight*(len(b.rows)+2) + padding }

// rowAt is the middle of row i; -1 is the title.
func (b *box) rowAt(i int) int { return b.y + rowHeight*(i+1) + rowHeight/2 + 4 }

// A frame is around the boxes of a group.
type frame struct {
	title               string
	titleX              int // beyond the gutter, whose lines would cross it
	x, y, width, height int
}

// A net is all the lines that end at one table.
type net struct {
	target *box
	pins   []pin
	bus    int // which of the lanes above the boxes it has, if it is far
}

// A pin is where a line leaves a box: the middle of a row, at its left edge.
type pin struct {
	from *box
	y    int
}

// A layout is where everything goes. Lines run in the gutters left of the
// columns and, from one gutter to another, on lanes above all boxes.
type layout struct {
	boxes         []*box
	frames        []frame
	nets          []net
	gutters       [][]*net // of each column, nearest to the boxes first
	columnX       []int
	boxWidth      int
	top           int // of the frames
	width, height int
}

func (m *Model) layout() *layout {
	l := &layout{}
	var titles []string // of the columns
	for _, g := range m.groups() {
		for _, column := range g.columns {
			for _, name := range column {
				b := newBox(m.table(mirrored, name), len(titles))
				l.boxes = append(l.boxes, b)
				l.boxWidth = max(l.boxWidth, b.width())
			}
			titles = append(titles, g.title)
		}
	}
	l.connect(len(titles))
	l.place(titles)
	return l
}

func newBox(t *Table, column int) *box {
	b := &box{table: t, column: column}
	for _, c := range t.Columns {
		switch {
		case c.Name == "tenant_id":
		case slices.Contains(t.Key, c.Name) || c.Target != "":
			b.rows = append(b.rows, c)
		default:
			b.more++
		}
	}
	return b
}

// width is what the widest line of the box needs; "key " leads a row.
func (b *box) width() int {
	letters := utf8.RuneCountInString(b.table.Name)
	for _, c := range b.rows {
		letters = max(letters, utf8.RuneCountInString(c.Name)+4)
	}
	return int(letter*float64(letters)) + 2*padding
}

// connect gathers the references into nets, and the nets into gutters.
func (l *layout) connect(columns int) {
	for _, target := range l.boxes {
		n := net{target: target}
		for _, b := range l.boxes {
			for _, c := range b.rows {
				if c.Target == target.table.Name {
					n.pins = append(n.pins, pin{from: b})
				}
			}
		}
		if n.pins != nil {
			l.nets = append(l.nets, n)
		}
	}
	l.gutters = make([][]*net, columns)
	for i := range l.nets {
		n := &l.nets[i]
		for column := range l.gutters {
			if n.in(column) {
				l.gutters[column] = append(l.gutters[column], n)
			}
		}
	}
}

// in reports whether the net has a line in the gutter of a column.
func (n *net) in(column int) bool {
	return n.target.column == column || slices.ContainsFunc(n.pins, func(p pin) bool { return p.from.column == column })
}

// far reports whether the net has lines in several gutters.
func (n *net) far() bool {
	return slices.ContainsFunc(n.pins, func(p pin) bool { return p.from.column != n.target.column })
}

// place gives boxes, frames and pins their coordinates. titles are those of
// the columns' groups.
func (l *layout) place(titles []string) {
	buses := 0
	for i := range l.nets {
		if l.nets[i].far() {
			l.nets[i].bus = buses
			buses++
		}
	}
	l.top = 60 + lane*buses
	x, bottom := 0, 0
	for column := range titles {
		first := column == 0 || titles[column-1] != titles[column]
		if first {
			x += gap
		}
		begin := x
		x += padding + lane*(len(l.gutters[column])+2)
		l.columnX = append(l.columnX, x)
		y := l.top + headroom
		for _, b := range l.boxes {
			if b.column == column {
				b.x, b.y = x, y
				y += b.height() + gap
			}
		}
		bottom = max(bottom, y)
		x += l.boxWidth + padding
		if first {
			l.frames = append(l.frames, frame{title: titles[column], titleX: l.columnX[column], x: begin, y: l.top})
		}
		last := &l.frames[len(l.frames)-1]
		last.width = x - last.x
	}
	for i := range l.frames {
		l.frames[i].height = bottom - l.top
	}
	l.width, l.height = x+gap, bottom+gap
	l.pin()
}

// pin gives the pins the rows they are at.
func (l *layout) pin() {
	for i := range l.nets {
		n := &l.nets[i]
		n.pins = n.pins[:0]
		for _, b := range l.boxes {
			for row, c := range b.rows {
				if c.Target == n.target.table.Name {
					n.pins = append(n.pins, pin{b, b.rowAt(row)})
				}
			}
		}
	}
}

// laneX is where a net runs in the gutter of a column.
func (l *layout) laneX(n *net, column int) int {
	return l.columnX[column] - 2*lane - lane*slices.Index(l.gutters[column], n)
}
