package logtotest

import (
	"strconv"
	"time"
)

func personNames() (given, family []string) {
	given = []string{
		"Ava", "Liam", "Noah", "Emma", "Olga", "James", "Mary", "Chloe", "Ahmed", "Jose", "Mia", "Yuki", "Lena", "Max", "Zoë", "Ivan", "Anna",
		"Tom", "Sara", "Omar", "Li", "Nina", "Paul", "Ida", "Jonas", "Fatima", "Diego", "Wei", "Aisha", "Björn", "Marta", "Ravi",
	}
	family = []string{
		"Jones", "Brown", "Miller", "Nguyen", "Kim", "Tanaka", "Petrov", "Hassan", "Li", "Garcia", "Müller", "Smith", "Johnson", "Novak", "Rossi",
		"Silva", "Khan", "Ito", "Larsen", "Dubois", "O'Connor", "Weber", "Kowalski", "Haddad", "Costa", "Singh", "Andersson", "Moreau",
	}
	return given, family
}

func organizationNameParts() (firsts, seconds []string) {
	firsts = []string{"Umbrella", "Vandelay", "Northwind", "Globex", "Stark", "Initech", "Acme", "Hooli", "Wayne", "Tyrell", "Soylent", "株式会社サンプル"}
	seconds = []string{"Group", "LLC", "Ltd.", "S.A.", "GmbH", "Inc.", "AB", "Works"}
	return firsts, seconds
}

// batches is how many imports there are with Ties.
const batches = 8

func (g *generator) makeUsers() {
	users := make([]*user, g.Users)
	store := make([]user, g.Users) // one allocation instead of many
	for i := range users {
		users[i] = &store[i]
		users[i].place = g.nextPlace()
		g.makeUser(users[i], i)
	}
	g.users = newUserSet(users)
}

// makeUser draws one person. JSON is put together by hand: a million take
// seconds.
func (g *generator) makeUser(u *user, i int) {
	given, family := g.drawPersonName()
	n := strconv.Itoa(i)
	g.makeUserTimes(u, i)

	b, col := g.b[:0], 0
	next := func(parts ...string) {
		for _, p := range parts {
			b = append(b, p...)
		}
		u.ends[col] = uint32(len(b))
		col++
	}
	or := func(chance int, parts ...string) {
		if g.r.IntN(100) < chance {
			next(parts...)
		} else {
			next("null")
		}
	}
	next(`"`, g.newID(12), `"`)
	or(70, `"`, given.plain, "_", family.plain, "_", n, `"`)
	or(85, `"`, given.plain, ".", family.plain, n, "@", pick(g.r, []string{"example.org", "mail.example.net", "outlook.test"}), `"`)
	or(15, `"49150`, strconv.Itoa(10_000_000+i), `"`)
	or(95, `"`, given.name, " ", family.name, `"`)
	or(50, `"https://cdn.example.com/avatars/`, strconv.FormatUint(mixSeed(g.Seed, uint64(i)), 16), `.png"`)
	next(g.customData(n)...)
	next(g.identities(given, family, n)...)
	next(g.profile(given, family)...)
	if g.r.IntN(2) == 0 {
		next(`"`, pick(g.r, g.apps), `"`)
	} else {
		next("null")
	}
	next("null")
	next("{}")
	if g.r.IntN(30) == 0 {
		next(`[{"id":"`, g.newID(21), `","type":"Totp","key":"`, g.newID(32), `","createdAt":"2026-01-01T00:00:00.000Z"}]`)
	} else {
		next("[]")
	}
	g.b, u.blob = b, string(b)
}

// makeUserTimes draws when a person came, signed in last and set a password.
func (g *generator) makeUserTimes(u *user, i int) {
	u.created, u.password, u.signedIn = g.past().UnixMicro(), null, null
	if g.Ties && i%2 == 0 {
		u.created = g.base.AddDate(0, -2*(1+(i/2)%batches), 0).UnixMicro() + 123456
	}
	u.updated = u.created
	since := time.Duration(g.base.UnixMicro()-u.created) * time.Microsecond
	if g.r.IntN(4) > 0 {
		u.signedIn = u.created + g.r.Int64N(int64(since/time.Microsecond)+1)
		u.updated = max(u.updated, u.signedIn)
	}
	if g.r.IntN(3) > 0 {
		u.password = u.created
	}
	u.suspended = g.r.IntN(50) == 0
}

// A nameWithASCII is a name and what an address makes of it.
type nameWithASCII struct{ name, plain string }

func (g *generator) drawPersonName() (given, family nameWithASCII) {
	first, last := personNames()
	i, j := g.r.IntN(len(first)), g.r.IntN(len(last))
	return nameWithASCII{first[i], asciiName(first[i])}, nameWithASCII{last[j], asciiName(last[j])}
}

// asciiName keeps the ASCII letters of a name, in lower case.
func asciiName(s string) string {
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if c := s[i] | 0x20; c >= 'a' && c <= 'z' && s[i] < 0x80 {
			b = append(b, c)
		}
	}
	return string(b)
}

func (g *generator) customData(n string) []string {
	switch g.r.IntN(8) {
	case 0, 1:
		return []string{"{}"}
	case 2, 3:
		return []string{
			`{"plan":"pro","flags":["beta",null,true,`, n, `],"credits":`, strconv.Itoa(g.r.IntN(1000)), `.25,"externalId":"crm-`, n,
			`","preferences":{"theme":"dark","nested":{"a":[1,2,{"b":null}]},"language":"中文"}}`,
		}
	}
	return []string{`{"plan":"`, pick(g.r, []string{"free", "team", "enterprise"}), `","externalId":"crm-`, n, `"}`}
}

func (g *generator) identities(given, family nameWithASCII, n string) []string {
	if g.r.IntN(8) > 0 {
		return []string{"{}"}
	}
	sub := "1000000000000" + n
	return []string{
		`{"google":{"userId":"`, sub, `","details":{"id":"`, sub, `","name":"`, given.name, " ", family.name, `","email":"`,
		given.plain, ".", family.plain, n, `@gmail.test","rawData":{"sub":"`, sub, `","email_verified":true}}}}`,
	}
}

func (g *generator) profile(given, family nameWithASCII) []string {
	switch g.r.IntN(4) {
	case 0:
		return []string{"{}"}
	case 1:
		return []string{
			`{"familyName":"`, family.name, `","givenName":"`, given.name, `","nickname":"`, given.plain, `","gender":"other","birthdate":"`,
			strconv.Itoa(1950 + g.r.IntN(56)), `-07-05","zoneinfo":"America/New_York","address":{"streetAddress":"`, strconv.Itoa(1 + g.r.IntN(999)),
			` Main St","locality":"Springfield","region":"CA","postalCode":"60405","country":"US"}}`,
		}
	}
	return []string{`{"familyName":"`, family.name, `","givenName":"`, given.name, `","locale":"`, pick(g.r, []string{"en-GB", "de-DE", "zh-CN", "fr-FR"}), `"}`}
}
