# BARID_ADD_CFLAGS(FLAG, ...), BARID_ADD_LDFLAGS(FLAG, ...)
# Add each flag that the compiler (the linker) takes to BARID_CFLAGS
# (BARID_LDFLAGS).  Not to CFLAGS and LDFLAGS: those are the user's.

AC_DEFUN([_BARID_ADD_FLAG], [
  AS_VAR_PUSHDEF([cache], [barid_cv_$1_$2])
  AC_CACHE_CHECK([whether $CC takes $2], [cache], [
    barid_save=$$1
    $1="$$1 $BARID_$1 -Werror $2"
    AC_LINK_IFELSE([AC_LANG_PROGRAM()],
      [AS_VAR_SET([cache], [yes])], [AS_VAR_SET([cache], [no])])
    $1=$barid_save
  ])
  AS_VAR_IF([cache], [yes], [BARID_$1="$BARID_$1 $2"])
  AS_VAR_POPDEF([cache])
])

AC_DEFUN([BARID_ADD_CFLAGS],
  [m4_foreach([barid_flag], [$@],
    [_BARID_ADD_FLAG([CFLAGS], m4_quote(barid_flag))])])

AC_DEFUN([BARID_ADD_LDFLAGS],
  [m4_foreach([barid_flag], [$@],
    [_BARID_ADD_FLAG([LDFLAGS], m4_quote(barid_flag))])])
