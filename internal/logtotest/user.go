package logtotest

import (
	"strings"
)

// The text columns of a user, in the order they lie in its blob.
const (
	uID = iota
	uUsername
	uEmail
	uPhone
	uName
	uAvatar
	uCustomData
	uIdentities
	uProfile
	uApplication
	uCIMD
	uLogtoConfig
	uMFA
	uTexts
)

// A user is small, for there may be a million: its text columns are one string
// of raw JSON values, its times are numbers. It changes only under the tenant's
// write lock.
type user struct {
	blob      string
	ends      [uTexts]uint32
	created   int64 // microseconds, null for none
	updated   int64
	signedIn  int64
	password  int64 // password_updated_at: whoever has one has a password
	suspended bool
	expired   bool     // is_password_expired
	long      bool     // has integers the API rounds
	roles     []string // ids, in order of assignment
	orgs      []*member
	place     uint64 // in the heap: an update moves a user to its end
}

// A member is one membership with its organization roles.
type member struct {
	user  *user
	org   string
	roles []string
}

func (u *user) raw(col int) string {
	from := uint32(0)
	if col > 0 {
		from = u.ends[col-1]
	}
	return u.blob[from:u.ends[col]]
}

func (u *user) id() string { return unquote(u.blob[:u.ends[0]]) }

// setTexts replaces all text columns.
func (u *user) setTexts(texts *[uTexts]string) {
	u.blob = strings.Join(texts[:], "")
	n := 0
	for i := range texts {
		n += len(texts[i])
		u.ends[i] = uint32(n)
	}
	u.long = longNumber(texts[uCustomData]) || longNumber(texts[uIdentities]) || longNumber(texts[uProfile])
}

// appendUser shows a user as UserInfo, without the closing brace.
func (c *apiRequest) appendUser(b []byte, u *user) []byte {
	b = append(b, `{"id":`...)
	b = append(b, u.raw(uID)...)
	b = append(b, `,"username":`...)
	b = append(b, u.raw(uUsername)...)
	b = append(b, `,"primaryEmail":`...)
	b = append(b, u.raw(uEmail)...)
	b = append(b, `,"primaryPhone":`...)
	b = append(b, u.raw(uPhone)...)
	b = append(b, `,"name":`...)
	b = append(b, u.raw(uName)...)
	b = append(b, `,"avatar":`...)
	b = append(b, u.raw(uAvatar)...)
	b = append(b, `,"customData":`...)
	b = append(b, u.json(uCustomData)...)
	b = append(b, `,"identities":`...)
	b = append(b, u.json(uIdentities)...)
	b = append(b, `,"lastSignInAt":`...)
	b = appendMillis(b, u.signedIn)
	b = append(b, `,"createdAt":`...)
	b = appendMillis(b, u.created)
	b = append(b, `,"updatedAt":`...)
	b = appendMillis(b, u.updated)
	b = append(b, `,"profile":`...)
	b = append(b, u.json(uProfile)...)
	b = append(b, `,"applicationId":`...)
	b = append(b, u.raw(uApplication)...)
	if c.edition.sends("users", "cimd_client_id") {
		b = append(b, `,"cimdClientId":`...)
		b = append(b, u.raw(uCIMD)...)
	}
	b = append(b, c.added["users"]...)
	b = append(b, `,"isSuspended":`...)
	return appendBool(b, u.suspended)
}

// appendProfile shows a user as UserProfile, without the closing brace.
func (c *apiRequest) appendProfile(b []byte, u *user) []byte {
	b = c.appendUser(b, u)
	if !c.edition.sends("users", "has_password") {
		return b
	}
	return appendBool(append(b, `,"hasPassword":`...), u.password != null)
}

func (u *user) json(col int) string {
	if u.long {
		return rounded(u.raw(col))
	}
	return u.raw(col)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, "true"...)
	}
	return append(b, "false"...)
}
