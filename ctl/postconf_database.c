/*
 * What tables in databases are set up with: "ldap:NAME" takes NAME_server_host
 * and so on from main.cf, "ldap:/FILE" takes server_host from that file.
 */
#include "ctl/postconf.h"

#include "lib/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static const struct {
	const char *type;
	const char *names; /* separated by spaces */
} databases[] = {
	{ "ldap",
	    "bind bind_dn bind_pw cache cache_expiry cache_size "
	    "chase_referrals "
	    "debuglevel dereference domain expansion_limit "
	    "leaf_result_attribute query_filter recursion_limit "
	    "result_attribute result_filter result_format sasl_authz_id "
	    "sasl_mechs sasl_minssf sasl_realm scope search_base server_host "
	    "server_port size_limit special_result_attribute start_tls "
	    "terminal_result_attribute timeout tls_ca_cert_dir "
	    "tls_ca_cert_file tls_cert tls_cipher_suite tls_key "
	    "tls_random_file tls_require_cert version" },
	{ "memcache",
	    "backup data_size_limit domain flags key_format line_size_limit "
	    "max_try memcache retry_pause timeout ttl" },
	{ "mysql",
	    "additional_conditions charset dbname domain expansion_limit hosts "
	    "idle_interval option_file option_group password query "
	    "require_result_set result_format retry_interval select_field "
	    "select_function table timeout tls_CAfile tls_CApath tls_cert_file "
	    "tls_ciphers tls_key_file tls_verify_cert user where_field" },
	{ "pgsql",
	    "additional_conditions dbname domain encoding expansion_limit "
	    "hosts "
	    "idle_interval password query result_format retry_interval "
	    "select_field select_function table timeout user where_field" },
	/* Barid's own. */
	{ "redis",
	    "command database domain expansion_limit hosts idle_interval "
	    "password result_format retry_interval timeout user" },
	{ "sqlite",
	    "additional_conditions dbpath domain expansion_limit query "
	    "result_format select_field select_function table timeout "
	    "where_field" },
};

static bool
has_word(const char *words, struct view word)
{
	struct view rest = view_of(words), item;

	while (view_token(&rest, " ", &item))
		if (view_eq(item, word))
			return true;
	return false;
}

/* Reads it as postconf reads main.cf. */
static void
check_file(struct view spec, const char *type, const char *names)
{
	struct str path = STR_EMPTY;
	struct main_cf cf;
	struct err e;

	main_cf_init(&cf);
	str_add(&path, view_skip(spec, strlen(type) + 1));
	if (access(path.ptr, R_OK) != 0) {
		postconf_warn("open \"%s\" configuration \"%s\": %s", type,
		    path.ptr, strerror(errno));
		goto out;
	}
	e = main_cf_read_file(&cf, path.ptr);
	postconf_tell_warnings(&cf.warnings);
	if (err_is(e))
		postconf_fatal("%s", e.text);
	LIST_EACH (it, after, &cf.defs) {
		const struct main_cf_def *def =
		    LIST_ITEM(it, struct main_cf_def, node);

		if (!has_word(names, view_of(def->name)))
			postconf_warn("%.*s: unused parameter: %s=%s",
			    VIEW_ARGS(spec), def->name, def->value);
	}
out:
	main_cf_clear(&cf);
	str_clear(&path);
}

static void
visit_names(struct view source, const char *names,
    void (*visit)(void *arg, struct view name), void *arg)
{
	struct view rest = view_of(names), suffix;
	struct str name = STR_EMPTY;

	while (view_token(&rest, " ", &suffix)) {
		str_printf(
		    &name, "%.*s_%.*s", VIEW_ARGS(source), VIEW_ARGS(suffix));
		visit(arg, str_view(&name));
	}
	str_clear(&name);
}

void
database_each_name(struct view spec, struct htable *files,
    void (*visit)(void *arg, struct view name), void *arg)
{
	if (view_starts(spec, VIEW("proxy:")))
		spec = view_skip(spec, sizeof("proxy:") - 1);
	for (size_t i = 0; i < ARRAY_LEN(databases); i++) {
		struct view type = view_of(databases[i].type), source;

		if (!view_starts(spec, type) || spec.len <= type.len + 1 ||
		    spec.ptr[type.len] != ':')
			continue;
		source = view_skip(spec, type.len + 1);
		if (source.ptr[0] != '/' && source.ptr[0] != '.') {
			/* memcache has no settings in main.cf. */
			if (!view_eq(type, VIEW("memcache")))
				visit_names(
				    source, databases[i].names, visit, arg);
		} else if (htable_find(files, spec) == NULL) {
			htable_set(files, spec, files);
			check_file(spec, databases[i].type, databases[i].names);
		}
	}
}
