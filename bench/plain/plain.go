// Package plain reads users as the documentation of the Management API says
// to: page after page. It is what the programs syncer is compared with have in
// common, and does nothing to make them worse: one kept connection, pages of
// 100, the rows decoded once.
package plain

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// A User is what the programs store of a user, as most would: some columns,
// and the rest as it came.
type User struct {
	ID           string  `json:"id"`
	Username     *string `json:"username"`
	PrimaryEmail *string `json:"primaryEmail"`
	PrimaryPhone *string `json:"primaryPhone"`
	Name         *string `json:"name"`
	Avatar       *string `json:"avatar"`
	CreatedAt    int64   `json:"createdAt"` // milliseconds since 1970
	UpdatedAt    int64   `json:"updatedAt"`
	LastSignInAt *int64  `json:"lastSignInAt"`
	Document     json.RawMessage
}

// Table makes the table of the users.
const Table = `create table if not exists plain_users (
    id text primary key, username text, primary_email text, primary_phone text, name text, avatar text,
    created_at timestamptz, updated_at timestamptz, last_sign_in_at timestamptz, document jsonb
)`

// Columns are the table's, in the order of Values.
var Columns = []string{
	"id", "username", "primary_email", "primary_phone", "name", "avatar", "created_at", "updated_at", "last_sign_in_at", "document",
}

// Values returns the user's row.
func (u User) Values() []any {
	var signedIn *time.Time
	if u.LastSignInAt != nil {
		t := time.UnixMilli(*u.LastSignInAt)
		signedIn = &t
	}
	return []any{
		u.ID, u.Username, u.PrimaryEmail, u.PrimaryPhone, u.Name, u.Avatar,
		time.UnixMilli(u.CreatedAt), time.UnixMilli(u.UpdatedAt), signedIn, u.Document,
	}
}

// Pages hands every page of users to take, until one comes that is not full.
// Where to read is in the environment: LOGTO_ENDPOINT, LOGTO_RESOURCE,
// LOGTO_APP_ID, LOGTO_APP_SECRET.
func Pages(ctx context.Context, take func([]User) error) error {
	token, err := token(ctx)
	if err != nil {
		return fmt.Errorf("get a token: %w", err)
	}
	for page := 1; ; page++ {
		users, err := one(ctx, token, page)
		if err != nil {
			return fmt.Errorf("read page %d: %w", page, err)
		}
		if err := take(users); err != nil {
			return err
		}
		if len(users) < 100 {
			return nil
		}
	}
}

func one(ctx context.Context, token string, page int) ([]User, error) {
	address := fmt.Sprintf("%s/api/users?page=%d&page_size=100", os.Getenv("LOGTO_ENDPOINT"), page)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	var documents []json.RawMessage
	if err := do(req, &documents); err != nil {
		return nil, err
	}
	users := make([]User, len(documents))
	for i, d := range documents {
		if err := json.Unmarshal(d, &users[i]); err != nil {
			return nil, err
		}
		users[i].Document = d
	}
	return users, nil
}

func token(ctx context.Context) (string, error) {
	form := url.Values{"grant_type": {"client_credentials"}, "resource": {os.Getenv("LOGTO_RESOURCE")}, "scope": {"all"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, os.Getenv("LOGTO_ENDPOINT")+"/oidc/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(os.Getenv("LOGTO_APP_ID"), os.Getenv("LOGTO_APP_SECRET"))
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	err = do(req, &answer)
	return answer.AccessToken, err
}

func do(req *http.Request, into any) error {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
