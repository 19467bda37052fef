/* The client of PostgreSQL: libpq, which never blocks once it is connected. */
#include "lib/table/module.h"
#include "modules/common.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>

enum { COLUMNS_MAX = 100 };

extern struct table_module table_module;

/* False once the time is over. */
static bool
wait_for_socket(PGconn *c, short events, int64_t until)
{
	int fd = PQsocket(c);

	return fd >= 0 && table_module.wait(fd, events, until - now_ms());
}

static void
drop_notice(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

static PGconn *
start(const struct module_server *s)
{
	const char *names[16], *values[16];
	const char *encoding = param(s, "encoding");
	char port[16];
	bool is_url = s->host != NULL && strstr(s->host, "://") != NULL;
	size_t n = 0;
#define ADD(name, value) (names[n] = (name), values[n++] = (value))

	ADD("fallback_application_name", "barid");
	/* It would load libraries, which this process may not. */
	ADD("gssencmode", "disable");
	ADD("client_encoding", encoding != NULL ? encoding : "UTF8");
	ADD("user", param(s, "user"));
	ADD("password", param(s, "password"));
	ADD("dbname", is_url ? s->host : param(s, "dbname"));
	if (!is_url)
		ADD("host", s->socket != NULL ? s->socket : s->host);
	if (s->port != 0) {
		snprintf(port, sizeof(port), "%u", s->port);
		ADD("port", port);
	}
	names[n] = NULL;
	values[n] = NULL;
#undef ADD
	return PQconnectStartParams(names, values, 1);
}

static void *
connect_pgsql(const struct module_server *s, char *why)
{
	int64_t until = now_ms() + s->timeout_ms;
	PGconn *c = start(s);
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	if (c == NULL) {
		why_set(why, "connect", "out of memory");
		return NULL;
	}
	PQsetNoticeProcessor(c, drop_notice, NULL);
	if (PQstatus(c) == CONNECTION_BAD)
		state = PGRES_POLLING_FAILED;
	while (state == PGRES_POLLING_READING ||
	    state == PGRES_POLLING_WRITING) {
		if (!wait_for_socket(c,
			state == PGRES_POLLING_READING ? POLLIN : POLLOUT,
			until)) {
			why_set(why, "connect", "timeout");
			PQfinish(c);
			return NULL;
		}
		state = PQconnectPoll(c);
	}
	if (state == PGRES_POLLING_OK && PQsetnonblocking(c, 1) == 0)
		return c;
	why_set(why, "connect", PQerrorMessage(c));
	PQfinish(c);
	return NULL;
}

static void
close_pgsql(void *connection)
{
	PQfinish(connection);
}

static bool
quote(void *connection, struct view text, char *out, size_t *len)
{
	int bad = 0;

	*len = PQescapeStringConn(connection, out, text.ptr, text.len, &bad);
	return bad == 0;
}

static bool
send_all(PGconn *c, int64_t until)
{
	int rc;

	/* The server may have to be read from before it reads on. */
	while ((rc = PQflush(c)) == 1)
		if (!wait_for_socket(c, POLLIN | POLLOUT, until) ||
		    !PQconsumeInput(c))
			return false;
	return rc == 0;
}

/* The next result is there, or the time is over. */
static bool
wait_for_result(PGconn *c, int64_t until)
{
	while (PQisBusy(c))
		if (!wait_for_socket(c, POLLIN, until) || !PQconsumeInput(c))
			return false;
	return true;
}

static bool
hand_over(const PGresult *r, module_row_fn *row, void *arg)
{
	struct view columns[COLUMNS_MAX];
	int n = PQnfields(r);

	if (n > COLUMNS_MAX)
		n = COLUMNS_MAX;
	for (int i = 0; i < PQntuples(r); i++) {
		for (int j = 0; j < n; j++)
			columns[j] = PQgetisnull(r, i, j)
			    ? (struct view){ NULL, 0 }
			    : view_make(PQgetvalue(r, i, j),
				  (size_t)PQgetlength(r, i, j));
		if (!row(arg, columns, (size_t)n))
			return false;
	}
	return true;
}

/* Of several statements the last one that gives rows is the answer. */
static enum module_end
take_rows(const PGresult *r, bool *had_all, module_row_fn *row, void *arg)
{
	if (*had_all)
		row(arg, NULL, 0);
	*had_all = PQresultStatus(r) == PGRES_TUPLES_OK;
	return hand_over(r, row, arg) ? MODULE_DONE : MODULE_STOPPED;
}

static enum module_end
take_result(PGconn *c, const PGresult *r, bool *had_all, module_row_fn *row,
    void *arg, char *why)
{
	switch (PQresultStatus(r)) {
	case PGRES_SINGLE_TUPLE:
	case PGRES_TUPLES_OK:
		return take_rows(r, had_all, row, arg);
	case PGRES_COMMAND_OK:
	case PGRES_EMPTY_QUERY:
		return MODULE_DONE;
	case PGRES_COPY_IN:
	case PGRES_COPY_OUT:
	case PGRES_COPY_BOTH:
		why_set(why, "query", "a COPY is no answer");
		return MODULE_LOST;
	default:
		why_set(why, "query", PQresultErrorMessage(r));
		return PQstatus(c) == CONNECTION_OK ? MODULE_REFUSED
						    : MODULE_LOST;
	}
}

static enum module_end
lost(PGconn *c, int64_t until, char *why)
{
	why_set(why, "query",
	    until <= now_ms() ? "timeout" : PQerrorMessage(c));
	return MODULE_LOST;
}

static enum module_end
query(void *connection, struct view statement, int timeout_ms,
    module_row_fn *row, void *arg, char *why)
{
	int64_t until = now_ms() + timeout_ms;
	enum module_end end = MODULE_DONE;
	PGconn *c = connection;
	bool had_all = false;
	PGresult *r;

	/* The statement ends in a NUL, and has none within. */
	if (!PQsendQuery(c, statement.ptr) || !send_all(c, until))
		return lost(c, until, why);
	PQsetSingleRowMode(c);
	for (;;) {
		enum module_end this;

		if (!wait_for_result(c, until))
			return lost(c, until, why);
		r = PQgetResult(c);
		if (r == NULL)
			break;
		this = end == MODULE_DONE
		    ? take_result(c, r, &had_all, row, arg, why)
		    : end;
		PQclear(r);
		end = this;
		if (end == MODULE_LOST || end == MODULE_STOPPED)
			return end;
	}
	return end;
}

/* Reads what TLS needs from files, once. */
static void
prepare(void)
{
	PQinitOpenSSL(1, 1);
	PQfinish(PQconnectdb("host=/nonexistent gssencmode=disable"));
}

struct table_module table_module = { .version = MODULE_VERSION,
	.name = "pgsql",
	.prepare = prepare,
	.connect = connect_pgsql,
	.close = close_pgsql,
	.quote = quote,
	.query = query };
