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

func (u *user) rawColumn(col int) string {
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
	u.long = hasLongNumber(texts[uCustomData]) || hasLongNumber(texts[uIdentities]) || hasLongNumber(texts[uProfile])
}

// appendOpenUserInfo shows a user as UserInfo, without the closing brace.
func (c *apiRequest) appendOpenUserInfo(b []byte, u *user) []byte {
	b = append(b, `{"id":`...)
	b = append(b, u.rawColumn(uID)...)
	b = append(b, `,"username":`...)
	b = append(b, u.rawColumn(uUsername)...)
	b = append(b, `,"primaryEmail":`...)
	b = append(b, u.rawColumn(uEmail)...)
	b = append(b, `,"primaryPhone":`...)
	b = append(b, u.rawColumn(uPhone)...)
	b = append(b, `,"name":`...)
	b = append(b, u.rawColumn(uName)...)
	b = append(b, `,"avatar":`...)
	b = append(b, u.rawColumn(uAvatar)...)
	b = append(b, `,"customData":`...)
	b = append(b, u.roundedColumn(uCustomData)...)
	b = append(b, `,"identities":`...)
	b = append(b, u.roundedColumn(uIdentities)...)
	b = append(b, `,"lastSignInAt":`...)
	b = appendMillis(b, u.signedIn)
	b = append(b, `,"createdAt":`...)
	b = appendMillis(b, u.created)
	b = append(b, `,"updatedAt":`...)
	b = appendMillis(b, u.updated)
	b = append(b, `,"profile":`...)
	b = append(b, u.roundedColumn(uProfile)...)
	b = append(b, `,"applicationId":`...)
	b = append(b, u.rawColumn(uApplication)...)
	if c.edition.sendsColumn("users", "cimd_client_id") {
		b = append(b, `,"cimdClientId":`...)
		b = append(b, u.rawColumn(uCIMD)...)
	}
	b = append(b, c.added["users"]...)
	b = append(b, `,"isSuspended":`...)
	return appendBool(b, u.suspended)
}

// appendOpenUserProfileResponse shows a user as UserProfile, without the closing brace.
func (c *apiRequest) appendOpenUserProfileResponse(b []byte, u *user) []byte {
	b = c.appendOpenUserInfo(b, u)
	if !c.edition.sendsColumn("users", "has_password") {
		return b
	}
	return appendBool(append(b, `,"hasPassword":`...), u.password != null)
}

func (u *user) roundedColumn(col int) string {
	if u.long {
		return roundBigNumbers(u.rawColumn(col))
	}
	return u.rawColumn(col)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, "true"...)
	}
	return append(b, "false"...)
}
