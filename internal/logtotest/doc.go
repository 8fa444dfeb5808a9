// Package logtotest is a simulated Logto, as net/http/httptest is to net/http:
// a tenant in memory behind a real HTTP server that answers as Logto OSS does, in
// the version asked for (WithVersion; releases is the table of what came when),
// its bad habits included. It can be changed while it is read and told to
// misbehave, and it keeps count of what it was asked.
//
//	tenant := logtotest.Generate(logtotest.Options{Users: 20_000, Ties: true})
//	server := logtotest.Start(tenant)
//	defer server.Close()
//	// server.URL, server.AppID, server.AppSecret, server.Resource
//
// # What is simulated
//
// The listings of users, organizations, roles, resources, applications, the
// organization template, invitations, hooks, logs, connectors and the small lists
// beside them, with their sub-lists; required and optional paging with
// Total-Number, Total-Number-Is-Capped and Link; the search family; error bodies;
// tokens by client credentials; ETags. A contract test replays what a real server
// answered about testdata/tenant.json and compares everything that is not
// volatile, so the simulation is honest as far as that recording goes.
//
// The bad habits are on unless Orderly turns them off:
//   - users and logs are sorted by created_at alone. Rows that share one come in
//     an order that depends on where the page ends, so a walk by pages reads some
//     twice and others never, while the number of rows is right. Lists of up to
//     5,000 rows are sorted as Postgres sorts them, to the row; of longer ones only
//     the share that is lost is true to life;
//   - organizations and resources come in physical order: an UPDATE moves a row,
//     and of more than 500 organizations the first tenth comes by id instead;
//   - a page is two statements, Total-Number and the rows, and a change can fall
//     between (BetweenStatements);
//   - a deletion shifts the pages after it; integers beyond 2^53 are rounded; idle
//     connections are closed after 5 seconds; secrets are listed in plain text.
//
// # What a change leaves
//
// Every change leaves the log rows that the real server leaves, and none where
// that leaves none: hook logs (GET /api/hooks/{id}/recent-logs) of the events that
// a hook of the tenant wants and the version has, and audit logs (/api/logs) of
// what end users do. Who makes the change decides:
//   - Insert, Update, Delete, Unlink, AddMembers, ReplaceMembers, AcceptInvitation
//     and what is named after them (CreateUser, ...) are calls of the Management
//     API, row by row: triggers lists which fires what;
//   - SignUp, SignIn and ResetPassword are end users on the sign-in pages,
//     EditAccount is one in the account API;
//   - SQL writes to the database: no event, no log.
//
// A hook-log row is written when its delivery has ended, a chance after the event
// (SetDeliveryLogDelay), by the tenant's clock (AdvanceClock), so not in the order of
// events. PruneLogs forgets old rows, as Logto Cloud does. A generated tenant has
// a hook for every data event, named change feed.
//
// Changes (CreateUser, Insert, ...) and faults (Inject, Throttle, FailOnRow,
// SetVersion, ...) take effect for the next statement, from any goroutine. Chances
// are drawn from the server's seed: requests sent one after the other meet the
// same fate every time.
//
// # What is not
//
// Nothing can be changed over HTTP: the routes answer GET, and 405 otherwise. What
// a mirror does not read is missing and answers 404: sign-in experience, account
// center, configurations, sessions and grants (always empty), SAML applications,
// consent, Logto Cloud. Tokens look like JWTs but are not signed, and their
// audience and issuer are not checked. Response guards strip nothing: a row of
// the wrong shape is shown as it is, where Logto would answer 500 (use FailOnRow).
// Neither uniqueness other than of ids nor types of columns are enforced on what
// is loaded or inserted. Deliveries of webhooks fail unless StartPushingDeliveries sends
// them. Audit logs of end users are those of the last steps of a flow, and a token
// request leaves one.
package logtotest
