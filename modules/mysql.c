/* The client of MariaDB and MySQL: libmariadb, with a limit for each wait. */
#include "lib/table/module.h"
#include "modules/common.h"

#include <mysql.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

enum { COLUMNS_MAX = 100 };

/* As mysql/client_plugin.h has it, which cannot be included everywhere: it
 * includes a file that is not installed. */
enum { AUTHENTICATION_PLUGIN = 2 };
extern struct st_mysql_client_plugin *mysql_client_find_plugin(
    struct st_mysql *mysql, const char *name, int type);

extern const struct table_module table_module;

/* Each of them, for as long as the connection lives: what is set once it is
 * there has no effect.  Its unit is the second. */
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

	limit_waits(c, s->timeout_ms);
	mysql_options(c, MYSQL_OPT_RECONNECT, &no);
	if (file != NULL)
		mysql_options(c, MYSQL_READ_DEFAULT_FILE, file);
	if (group != NULL)
		mysql_options(c, MYSQL_READ_DEFAULT_GROUP, group);
	mysql_options(c, MYSQL_SET_CHARSET_NAME,
	    charset == NULL ? "utf8mb4" : charset);
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
	return c;
}

static void
close_mysql(void *connection)
{
	mysql_close(connection);
}

static bool
quote(void *connection, struct view text, char *out, size_t *len)
{
	unsigned long n = mysql_real_escape_string(
	    connection, out, text.ptr, (unsigned long)text.len);

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

/* Rows as they come, so that not all of them must have room. */
static enum module_end
take_rows(
    MYSQL *c, MYSQL_RES *r, int64_t until, module_row_fn *row, void *arg,
    char *why)
{
	struct view columns[COLUMNS_MAX];
	unsigned n = mysql_num_fields(r);
	MYSQL_ROW values;

	if (n > COLUMNS_MAX)
		n = COLUMNS_MAX;
	while ((values = mysql_fetch_row(r)) != NULL) {
		const unsigned long *lengths = mysql_fetch_lengths(r);

		for (unsigned i = 0; i < n; i++)
			columns[i] = (struct view){ values[i], lengths[i] };
		if (!row(arg, columns, n))
			return MODULE_STOPPED;
		if (now_ms() > until) {
			why_set(why, "query", "timeout");
			return MODULE_LOST;
		}
	}
	return mysql_errno(c) == 0 ? MODULE_DONE : failed(c, why);
}

/* To free a result would read all that is left of it: there is no more. */
static void
shut(MYSQL *c)
{
	my_socket fd = mysql_get_socket(c);

	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
}

static enum module_end
query(void *connection, struct view statement, int timeout_ms,
    module_row_fn *row, void *arg, char *why)
{
	int64_t until = now_ms() + timeout_ms;
	MYSQL *c = connection;
	enum module_end end;
	int more;

	if (mysql_real_query(
		c, statement.ptr, (unsigned long)statement.len) != 0)
		return failed(c, why);
	/* A procedure gives a result, and then that it was called. */
	do {
		MYSQL_RES *r = mysql_use_result(c);

		if (r == NULL && mysql_field_count(c) != 0)
			return failed(c, why);
		if (r == NULL)
			end = MODULE_DONE;
		else
			end = take_rows(c, r, until, row, arg, why);
		if (end == MODULE_STOPPED || end == MODULE_LOST)
			shut(c);
		if (r != NULL)
			mysql_free_result(r);
		if (end != MODULE_DONE)
			return end;
		more = mysql_next_result(c);
	} while (more == 0);
	return more > 0 ? failed(c, why) : MODULE_DONE;
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

const struct table_module table_module = { .version = MODULE_VERSION,
	.name = "mysql",
	.prepare = prepare,
	.connect = connect_mysql,
	.close = close_mysql,
	.quote = quote,
	.query = query };
