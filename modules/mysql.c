/*
 * The client of MariaDB and MySQL: libmariadb.  To connect blocks, with a limit for
 * each wait; questions do not: the library runs them on a stack of its own, and
 * leaves it when it has to wait.
 */
#include "lib/table/module.h"
#include "modules/common.h"

#include <mysql.h>
#include <poll.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

enum { COLUMNS_MAX = 100, STACK = 128 << 10 };

/* As mysql/client_plugin.h has it, which cannot be included everywhere: it
 * includes a file that is not installed. */
enum { AUTHENTICATION_PLUGIN = 2 };
extern struct st_mysql_client_plugin *mysql_client_find_plugin(
    struct st_mysql *mysql, const char *name, int type);

extern struct table_module table_module;

struct link {
	MYSQL *c;
	bool must_have_result;
};

/* For connecting; a question has limits of its own.  The unit is the second. */
static void
limit_waits(MYSQL *c, int timeout_ms)
{
	unsigned seconds = (unsigned)(timeout_ms + 999) / 1000;

	mysql_options(c, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
	mysql_options(c, MYSQL_OPT_READ_TIMEOUT, &seconds);
	mysql_options(c, MYSQL_OPT_WRITE_TIMEOUT, &seconds);
}

static bool
is_yes(const char *value)
{
	return value != NULL && strcasecmp(value, "yes") == 0;
}

/* True if the connection must be encrypted. */
static bool
set_tls(MYSQL *c, const struct module_server *s)
{
	const char *key = param(s, "tls_key_file");
	const char *cert = param(s, "tls_cert_file");
	const char *file = param(s, "tls_CAfile");
	const char *path = param(s, "tls_CApath");
	const char *ciphers = param(s, "tls_ciphers");
	bool verify = is_yes(param(s, "tls_verify_cert"));
	bool wanted = verify || key != NULL || cert != NULL || file != NULL ||
	    path != NULL || ciphers != NULL;
	my_bool yes = 1, check = verify;

	if (!wanted)
		return false;
	mysql_ssl_set(c, key, cert, file, path, ciphers);
	mysql_options(c, MYSQL_OPT_SSL_ENFORCE, &yes);
	mysql_options(c, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &check);
	return true;
}

static void
set_options(MYSQL *c, const struct module_server *s)
{
	const char *file = param(s, "option_file");
	const char *group = param(s, "option_group");
	const char *charset = param(s, "charset");
	my_bool no = 0;
	size_t stack = STACK;

	mysql_options(c, MYSQL_OPT_NONBLOCK, &stack);
	limit_waits(c, s->timeout_ms);
	mysql_options(c, MYSQL_OPT_RECONNECT, &no);
	if (file != NULL)
		mysql_options(c, MYSQL_READ_DEFAULT_FILE, file);
	if (group != NULL)
		mysql_options(c, MYSQL_READ_DEFAULT_GROUP, group);
	mysql_options(c, MYSQL_SET_CHARSET_NAME,
	    charset == NULL ? "utf8mb4" : charset);
}

/* NULL: why says it, and c is closed. */
static void *
link_new(MYSQL *c, const struct module_server *s, char *why)
{
	const char *required = param(s, "require_result_set");
	struct link *l = malloc(sizeof(*l));

	if (l == NULL) {
		why_set(why, "connect", "out of memory");
		mysql_close(c);
		return NULL;
	}
	*l = (struct link){ c, required == NULL || is_yes(required) };
	return l;
}

static void *
connect_mysql(const struct module_server *s, char *why)
{
	MYSQL *c = mysql_init(NULL);
	unsigned infile = 0;
	bool tls;

	if (c == NULL) {
		why_set(why, "connect", "out of memory");
		return NULL;
	}
	set_options(c, s);
	/* A server must not be able to ask for our files. */
	mysql_options(c, MYSQL_OPT_LOCAL_INFILE, &infile);
	tls = set_tls(c, s);
	if (mysql_real_connect(c, s->socket != NULL ? NULL : s->host,
		param(s, "user"), param(s, "password"), param(s, "dbname"),
		s->port, s->socket, CLIENT_MULTI_RESULTS) == NULL) {
		why_set(why, "connect", mysql_error(c));
		mysql_close(c);
		return NULL;
	}
	/* Whatever the library makes of its options. */
	if (tls && mysql_get_ssl_cipher(c) == NULL) {
		why_set(why, "connect", "the server does not encrypt");
		mysql_close(c);
		return NULL;
	}
	return link_new(c, s, why);
}

static void
close_mysql(void *connection)
{
	struct link *l = connection;

	mysql_close(l->c);
	free(l);
}

static bool
quote(void *connection, struct view text, char *out, size_t *len)
{
	const struct link *l = connection;
	unsigned long n = mysql_real_escape_string(
	    l->c, out, text.ptr, (unsigned long)text.len);

	*len = n;
	return n != (unsigned long)-1;
}

static enum module_end
failed(MYSQL *c, char *why)
{
	unsigned code = mysql_errno(c);

	why_set(why, "query", mysql_error(c));
	/* From 2000 on they are the client's own: the connection is gone.  The
	 * server's: it is going down, or ended us. */
	return code == 0 || (code >= 2000 && code < 3000) || code == 1053 ||
		code == 1927 || code == 4031
	    ? MODULE_LOST
	    : MODULE_REFUSED;
}

/* --- the library's calls, which stop where they would wait --- */

struct question {
	MYSQL *c;
	int64_t until;
	module_row_fn *row;
	void *arg;
	char *why;
};

/* Until what the library waits for is there; what it is to be told. */
static int
wait_for(const struct question *q, int what)
{
	short events = (short)(((what & MYSQL_WAIT_READ) ? POLLIN : 0) |
	    ((what & MYSQL_WAIT_WRITE) ? POLLOUT : 0));
	int64_t left = q->until - now_ms();

	if (table_module.wait(mysql_get_socket(q->c), events, left))
		return what & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE);
	/* It fails then, in its own way. */
	return MYSQL_WAIT_TIMEOUT;
}

static int
send_query(const struct question *q, struct view statement)
{
	int rc = 0;
	int what = mysql_real_query_start(
	    &rc, q->c, statement.ptr, (unsigned long)statement.len);

	while (what != 0)
		what = mysql_real_query_cont(&rc, q->c, wait_for(q, what));
	return rc;
}

static MYSQL_ROW
fetch_row(const struct question *q, MYSQL_RES *r)
{
	MYSQL_ROW values = NULL;
	int what = mysql_fetch_row_start(&values, r);

	while (what != 0)
		what = mysql_fetch_row_cont(&values, r, wait_for(q, what));
	return values;
}

/* As mysql_next_result: negative at the end, positive if it failed. */
static int
next_result(const struct question *q)
{
	int rc = 0;
	int what = mysql_next_result_start(&rc, q->c);

	while (what != 0)
		what = mysql_next_result_cont(&rc, q->c, wait_for(q, what));
	return rc;
}

/* --- answers --- */

/* Rows as they come, so that not all of them must have room. */
static enum module_end
take_rows(const struct question *q, MYSQL_RES *r, bool wanted)
{
	struct view columns[COLUMNS_MAX];
	unsigned n = mysql_num_fields(r);
	MYSQL_ROW values;

	if (n > COLUMNS_MAX)
		n = COLUMNS_MAX;
	while ((values = fetch_row(q, r)) != NULL) {
		const unsigned long *lengths = mysql_fetch_lengths(r);

		for (unsigned i = 0; i < n; i++)
			columns[i] = (struct view){ values[i], lengths[i] };
		if (wanted && !q->row(q->arg, columns, n))
			return MODULE_STOPPED;
		if (now_ms() > q->until) {
			why_set(q->why, "query", "timeout");
			return MODULE_LOST;
		}
	}
	return mysql_errno(q->c) == 0 ? MODULE_DONE : failed(q->c, q->why);
}

/* To free a result would read all that is left of it: there is no more. */
static void
shut(MYSQL *c)
{
	my_socket fd = mysql_get_socket(c);

	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
}

/* The result that is next, which is none for a statement without rows. */
static enum module_end
take_result(const struct question *q, size_t *n_sets)
{
	MYSQL_RES *r = mysql_use_result(q->c);
	enum module_end end;

	if (r == NULL)
		return mysql_field_count(q->c) == 0 ? MODULE_DONE
						    : failed(q->c, q->why);
	end = take_rows(q, r, ++*n_sets == 1);
	if (end == MODULE_STOPPED || end == MODULE_LOST)
		shut(q->c);
	mysql_free_result(r);
	return end;
}

/* As Postfix has it: a list of all that several statements say is nobody's
 * answer. */
static enum module_end
judge(size_t n_sets, bool must_have_one, char *why)
{
	if (n_sets > 1)
		why_set(why, "query", "more than one result set");
	else if (n_sets == 0 && must_have_one)
		why_set(why, "query",
		    "no result set (require_result_set = yes)");
	else
		return MODULE_DONE;
	return MODULE_REFUSED;
}

static enum module_end
query(void *connection, struct view statement, int timeout_ms,
    module_row_fn *row, void *arg, char *why)
{
	struct link *l = connection;
	struct question q = { l->c, now_ms() + timeout_ms, row, arg, why };
	size_t n_sets = 0;
	int more;

	if (send_query(&q, statement) != 0)
		return failed(q.c, why);
	/* A procedure gives a result, and then that it was called. */
	do {
		enum module_end end = take_result(&q, &n_sets);

		if (end != MODULE_DONE)
			return end;
		more = next_result(&q);
	} while (more == 0);
	return more > 0 ? failed(q.c, why)
			: judge(n_sets, l->must_have_result, why);
}

/* Ways to log in are plug-ins: load them while that can be done. */
static void
prepare(void)
{
	static const char *const plugins[] = { "caching_sha2_password",
		"sha256_password", "client_ed25519", "mysql_clear_password",
		"dialog" };
	MYSQL *c;

	mysql_library_init(0, NULL, NULL);
	c = mysql_init(NULL);
	for (size_t i = 0; c != NULL && i < sizeof(plugins) / sizeof(plugins[0]);
	     i++)
		(void)mysql_client_find_plugin(
		    c, plugins[i], AUTHENTICATION_PLUGIN);
	if (c != NULL)
		mysql_close(c);
}

struct table_module table_module = { .version = MODULE_VERSION,
	.name = "mysql",
	.prepare = prepare,
	.connect = connect_mysql,
	.close = close_mysql,
	.quote = quote,
	.query = query };
