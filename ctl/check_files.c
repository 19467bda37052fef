/* Owners and modes of files, certificates and their keys. */
#include "ctl/check.h"

#include "ctl/barid.h"
#include "lib/base/mem.h"
#include "lib/conf/each.h"
#include "lib/conf/main_cf.h"
#include "lib/table/create.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- owners and modes --- */

/* Who may write it decides about all mail. */
static void
check_writers(struct check *c, const struct check_place *at, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return;
	if (st.st_uid != 0 && st.st_uid != geteuid())
		check_tell(c, CHECK_WARNING, at,
		    "%s belongs to user %ld, not to root", path,
		    (long)st.st_uid);
	if ((st.st_mode & 022) != 0)
		check_tell(c, CHECK_ERROR, at,
		    "%s can be written by others: mode %04o", path,
		    (unsigned)(st.st_mode & 07777));
}

static void
check_config_file(struct check *c, const char *path)
{
	struct check_place at = { path, 0, NULL, NULL };

	check_writers(c, &at, path);
}

static void
check_config_files(struct check *c)
{
	struct str path = STR_EMPTY;
	char **drop_ins = NULL;
	size_t n = 0;

	check_config_file(c, c->dir);
	str_printf(&path, "%s/main.cf", c->dir);
	check_config_file(c, path.ptr);
	str_printf(&path, "%s/master.cf", c->dir);
	check_config_file(c, path.ptr);
	(void)main_cf_list_drop_ins(c->dir, &drop_ins, &n);
	for (size_t i = 0; i < n; i++) {
		check_config_file(c, drop_ins[i]);
		free(drop_ins[i]);
	}
	free(drop_ins);
	str_clear(&path);
}

static struct htable seen;

struct looking {
	struct check *c;
	const struct check_place *at;
};

/* Of databases: what is asked, and with which login. */
static bool
has_login(const char *path)
{
	static const char *const names[] = { "password", "bind_pw" };
	struct main_cf file;
	bool yes = false;

	main_cf_init(&file);
	if (!err_is(main_cf_read_file(&file, path)))
		for (size_t i = 0; i < ARRAY_LEN(names); i++) {
			const struct main_cf_def *def =
			    main_cf_find(&file, view_of(names[i]));

			yes = yes || (def != NULL && def->value[0] != '\0');
		}
	main_cf_clear(&file);
	return yes;
}

static bool
holds_secrets(const char *parameter, struct view spec, const char *path)
{
	static const char *const types[] = { "ldap:", "mysql:", "pgsql:",
		"redis:" };

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (view_starts(spec, view_of(types[i])))
			return has_login(path);
	return strstr(parameter, "password") != NULL;
}

/* Who may write the folder puts another file in the place of this one. */
static void
check_folder(struct check *c, const struct check_place *at, const char *path)
{
	struct view v = view_of(path);
	struct str folder = STR_EMPTY;
	struct stat st;

	str_set(&folder, view_first(v, view_find_last(v, '/')));
	/* Where a file is its owner's, as in /tmp, nobody else can. */
	if (folder.len > 0 && stat(folder.ptr, &st) == 0 &&
	    (st.st_mode & S_ISVTX) == 0 &&
	    htable_set(&seen, str_view(&folder), c) == NULL)
		check_writers(c, at, folder.ptr);
	str_clear(&folder);
}

/* Files of tables: "TYPE:/PATH" and what is made of it. */
static void
check_table_file(void *arg, struct view word)
{
	struct looking *l = arg;
	struct str path = STR_EMPTY;
	struct stat st;

	word = check_table_spec(word);
	if (!check_is_table(word) || htable_find(&seen, word) != NULL)
		return;
	htable_set(&seen, word, l);
	if (!table_make_path(word, &path))
		str_set(&path, view_skip(word, view_find(word, ':') + 1));
	if (path.ptr[0] == '/' && stat(path.ptr, &st) == 0 &&
	    S_ISREG(st.st_mode)) {
		check_writers(l->c, l->at, path.ptr);
		check_folder(l->c, l->at, path.ptr);
		if ((st.st_mode & 07) != 0 &&
		    holds_secrets(l->at->parameter, word, path.ptr))
			check_tell(l->c, CHECK_WARNING, l->at,
			    "%s holds passwords and can be read by others: "
			    "mode %04o",
			    path.ptr, (unsigned)(st.st_mode & 07777));
	}
	str_clear(&path);
}

static void
visit_tables(struct check *c, const struct check_place *at, struct view value)
{
	struct looking l = { c, at };

	if (at->file != NULL && !check_only_names(at->parameter))
		conf_each_word(value, check_table_file, &l);
}

static void
tell_directory(void *arg, const char *path, const char *text)
{
	struct check_place at = { path, 0, NULL, NULL };

	check_tell(arg, CHECK_ERROR, &at, "%s", text);
}

void
check_files(struct check *c)
{
	htable_init(&seen);
	check_config_files(c);
	htable_set(&seen, view_of(c->dir), c);
	check_each_value(c, visit_tables);
	if (c->conf != NULL)
		setup_each_wrong(c->conf, tell_directory, c);
	htable_clear(&seen, NULL);
}

/* --- certificates --- */

static const struct {
	const char *certificate, *key;
} pairs[] = {
	{ "smtpd_tls_cert_file", "smtpd_tls_key_file" },
	{ "smtpd_tls_eccert_file", "smtpd_tls_eckey_file" },
	{ "smtpd_tls_dcert_file", "smtpd_tls_dkey_file" },
	{ "smtp_tls_cert_file", "smtp_tls_key_file" },
	{ "smtp_tls_eccert_file", "smtp_tls_eckey_file" },
	{ "lmtp_tls_cert_file", "lmtp_tls_key_file" },
	{ "lmtp_tls_eccert_file", "lmtp_tls_eckey_file" },
	{ "tlsproxy_tls_cert_file", "tlsproxy_tls_key_file" },
};

/* Parameters whose value is a list of files with key and certificates. */
static const char *const chains[] = { "smtpd_tls_chain_files",
	"smtp_tls_chain_files", "lmtp_tls_chain_files",
	"tlsproxy_tls_chain_files" };

static int
no_password(char *buf, int size, int is_for_writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)is_for_writing;
	(void)arg;
	return 0;
}

static const char *
openssl_reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_last_error());

	ERR_clear_error();
	return text == NULL ? "not a PEM file" : text;
}

static void
check_dates(struct check *c, const struct check_place *at, const char *path,
    const X509 *certificate)
{
	if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
		check_tell(c, CHECK_ERROR, at,
		    "the certificate in %s has expired", path);
	else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
		check_tell(c, CHECK_ERROR, at,
		    "the certificate in %s is not valid yet", path);
}

static FILE *
open_pem(struct check *c, const struct check_place *at, const char *path)
{
	FILE *f = fopen(path, "re");

	if (f == NULL)
		check_tell(
		    c, CHECK_ERROR, at, "open %s: %s", path, strerror(errno));
	return f;
}

static X509 *
read_certificate(
    struct check *c, const struct check_place *at, const char *path)
{
	FILE *f = open_pem(c, at, path);
	X509 *certificate;

	if (f == NULL)
		return NULL;
	certificate = PEM_read_X509(f, NULL, no_password, NULL);
	if (certificate == NULL)
		check_tell(c, CHECK_ERROR, at, "no certificate in %s: %s", path,
		    openssl_reason());
	else
		check_dates(c, at, path, certificate);
	fclose(f);
	return certificate;
}

static EVP_PKEY *
read_key(struct check *c, const struct check_place *at, const char *path)
{
	FILE *f = open_pem(c, at, path);
	EVP_PKEY *key;
	struct stat st;

	if (f == NULL)
		return NULL;
	if (fstat(fileno(f), &st) == 0 && (st.st_mode & 077) != 0)
		check_tell(c, CHECK_WARNING, at,
		    "the key in %s can be read by others: mode %04o", path,
		    (unsigned)(st.st_mode & 07777));
	key = PEM_read_PrivateKey(f, NULL, no_password, NULL);
	if (key == NULL)
		check_tell(c, CHECK_ERROR, at, "no key in %s: %s", path,
		    openssl_reason());
	fclose(f);
	return key;
}

static void
check_pair(struct check *c, const struct check_place *at, const char *cert_file,
    const struct check_place *key_at, const char *key_file)
{
	X509 *certificate = read_certificate(c, at, cert_file);
	EVP_PKEY *key = read_key(c, key_at, key_file);

	if (certificate != NULL && key != NULL &&
	    X509_check_private_key(certificate, key) != 1)
		check_tell(c, CHECK_ERROR, key_at,
		    "the key in %s is not that of the certificate in %s",
		    key_file, cert_file);
	ERR_clear_error();
	X509_free(certificate);
	EVP_PKEY_free(key);
}

/* "none" stands for no certificate. */
static bool
is_file(const struct str *value)
{
	return value->len > 0 && strcmp(value->ptr, "none") != 0;
}

static void
check_chain(struct check *c, const char *parameter)
{
	struct check_place at = check_place_of(c, parameter);
	struct str value = STR_EMPTY, path = STR_EMPTY;
	struct view rest, word;

	if (names_is_set(&c->names, view_of(parameter)) &&
	    check_value_of(c, parameter, &value)) {
		rest = str_view(&value);
		while (conf_list_next(&rest, &word)) {
			str_set(&path, word);
			check_pair(c, &at, path.ptr, &at, path.ptr);
		}
	}
	str_clear(&value);
	str_clear(&path);
}

void
check_certificates(struct check *c)
{
	struct str certificate = STR_EMPTY, key = STR_EMPTY;

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		struct check_place at = check_place_of(c, pairs[i].certificate);
		struct check_place key_at = check_place_of(c, pairs[i].key);

		if (!names_is_set(&c->names, view_of(pairs[i].certificate)) ||
		    !check_value_of(c, pairs[i].certificate, &certificate) ||
		    !is_file(&certificate))
			continue;
		if (!check_value_of(c, pairs[i].key, &key) || !is_file(&key))
			str_set(&key, str_view(&certificate));
		if (key_at.file == NULL)
			key_at = at;
		check_pair(c, &at, certificate.ptr, &key_at, key.ptr);
	}
	for (size_t i = 0; i < ARRAY_LEN(chains); i++)
		check_chain(c, chains[i]);
	str_clear(&certificate);
	str_clear(&key);
}
