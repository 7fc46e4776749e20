/* Tables of reserved words, each sorted for bsearch.
 *
 * tests/golden/words.py compares them with what the headers of generated code declare on this machine.
 * It must not know what is named.  Reads best next: reserved.h. */
#include "idl/reserved.h"

#include <stdlib.h>
#include <string.h>

// clang-format off

/* With those of gnu11, and those that stdbool.h makes. */
static const char *const c_keywords[] = {
    "asm", "auto", "bool", "break", "case", "char", "const", "continue", "default", "do", "double", "else",
    "enum", "extern", "false", "float", "for", "goto", "if", "inline", "int", "long", "register", "restrict",
    "return", "short", "signed", "sizeof", "static", "struct", "switch", "true", "typedef", "typeof", "union",
    "unsigned", "void", "volatile", "while",
};

static const char *const cpp_keywords[] = {
    "alignas", "alignof", "and", "and_eq", "bitand", "bitor", "catch", "char16_t", "char32_t", "char8_t",
    "class", "co_await", "co_return", "co_yield", "compl", "concept", "const_cast", "consteval", "constexpr",
    "constinit", "decltype", "delete", "dynamic_cast", "explicit", "export", "friend", "mutable", "namespace",
    "new", "noexcept", "not", "not_eq", "nullptr", "operator", "or", "or_eq", "private", "protected", "public",
    "reinterpret_cast", "requires", "static_assert", "static_cast", "template", "this", "thread_local", "throw",
    "try", "typeid", "typename", "using", "virtual", "wchar_t", "xor", "xor_eq",
};

/* Of the compiler, and of the headers that generated code includes or that stand before it in most programs. */
static const char *const macros[] = {
    "AIO_PRIO_DELTA_MAX", "BC_BASE_MAX", "BC_DIM_MAX", "BC_SCALE_MAX", "BC_STRING_MAX", "BIG_ENDIAN",
    "BOOL_MAX", "BOOL_WIDTH", "BYTE_ORDER", "CHARCLASS_NAME_MAX", "CHAR_BIT", "CHAR_MAX", "CHAR_MIN",
    "CHAR_WIDTH", "COLL_WEIGHTS_MAX", "DELAYTIMER_MAX", "EOF", "EXIT_FAILURE", "EXIT_SUCCESS", "EXPR_NEST_MAX",
    "FD_SETSIZE", "FP_ILOGB0", "FP_ILOGBNAN", "FP_INFINITE", "FP_INT_DOWNWARD", "FP_INT_TONEAREST",
    "FP_INT_TONEARESTFROMZERO", "FP_INT_TOWARDZERO", "FP_INT_UPWARD", "FP_LLOGB0", "FP_LLOGBNAN", "FP_NAN",
    "FP_NORMAL", "FP_SUBNORMAL", "FP_ZERO", "HOST_NAME_MAX", "HUGE_VAL", "HUGE_VALF", "HUGE_VALL",
    "HUGE_VAL_F128", "HUGE_VAL_F32", "HUGE_VAL_F32X", "HUGE_VAL_F64", "HUGE_VAL_F64X", "INFINITY", "INT16_C",
    "INT16_MAX", "INT16_MIN", "INT16_WIDTH", "INT32_C", "INT32_MAX", "INT32_MIN", "INT32_WIDTH", "INT64_C",
    "INT64_MAX", "INT64_MIN", "INT64_WIDTH", "INT8_C", "INT8_MAX", "INT8_MIN", "INT8_WIDTH", "INTMAX_C",
    "INTMAX_MAX", "INTMAX_MIN", "INTMAX_WIDTH", "INTPTR_MAX", "INTPTR_MIN", "INTPTR_WIDTH", "INT_FAST16_MAX",
    "INT_FAST16_MIN", "INT_FAST16_WIDTH", "INT_FAST32_MAX", "INT_FAST32_MIN", "INT_FAST32_WIDTH",
    "INT_FAST64_MAX", "INT_FAST64_MIN", "INT_FAST64_WIDTH", "INT_FAST8_MAX", "INT_FAST8_MIN", "INT_FAST8_WIDTH",
    "INT_LEAST16_MAX", "INT_LEAST16_MIN", "INT_LEAST16_WIDTH", "INT_LEAST32_MAX", "INT_LEAST32_MIN",
    "INT_LEAST32_WIDTH", "INT_LEAST64_MAX", "INT_LEAST64_MIN", "INT_LEAST64_WIDTH", "INT_LEAST8_MAX",
    "INT_LEAST8_MIN", "INT_LEAST8_WIDTH", "INT_MAX", "INT_MIN", "INT_WIDTH", "IOV_MAX", "LINE_MAX",
    "LITTLE_ENDIAN", "LLONG_MAX", "LLONG_MIN", "LLONG_WIDTH", "LOGIN_NAME_MAX", "LONG_BIT", "LONG_LONG_MAX",
    "LONG_LONG_MIN", "LONG_MAX", "LONG_MIN", "LONG_WIDTH", "MATH_ERREXCEPT", "MATH_ERRNO", "MAXFLOAT",
    "MAX_CANON", "MAX_INPUT", "MB_CUR_MAX", "MB_LEN_MAX", "MQ_PRIO_MAX", "M_1_PI", "M_1_PIf", "M_1_PIf128",
    "M_1_PIf32", "M_1_PIf32x", "M_1_PIf64", "M_1_PIf64x", "M_1_PIl", "M_2_PI", "M_2_PIf", "M_2_PIf128",
    "M_2_PIf32", "M_2_PIf32x", "M_2_PIf64", "M_2_PIf64x", "M_2_PIl", "M_2_SQRTPI", "M_2_SQRTPIf",
    "M_2_SQRTPIf128", "M_2_SQRTPIf32", "M_2_SQRTPIf32x", "M_2_SQRTPIf64", "M_2_SQRTPIf64x", "M_2_SQRTPIl",
    "M_E", "M_Ef", "M_Ef128", "M_Ef32", "M_Ef32x", "M_Ef64", "M_Ef64x", "M_El", "M_LN10", "M_LN10f",
    "M_LN10f128", "M_LN10f32", "M_LN10f32x", "M_LN10f64", "M_LN10f64x", "M_LN10l", "M_LN2", "M_LN2f",
    "M_LN2f128", "M_LN2f32", "M_LN2f32x", "M_LN2f64", "M_LN2f64x", "M_LN2l", "M_LOG10E", "M_LOG10Ef",
    "M_LOG10Ef128", "M_LOG10Ef32", "M_LOG10Ef32x", "M_LOG10Ef64", "M_LOG10Ef64x", "M_LOG10El", "M_LOG2E",
    "M_LOG2Ef", "M_LOG2Ef128", "M_LOG2Ef32", "M_LOG2Ef32x", "M_LOG2Ef64", "M_LOG2Ef64x", "M_LOG2El", "M_PI",
    "M_PI_2", "M_PI_2f", "M_PI_2f128", "M_PI_2f32", "M_PI_2f32x", "M_PI_2f64", "M_PI_2f64x", "M_PI_2l",
    "M_PI_4", "M_PI_4f", "M_PI_4f128", "M_PI_4f32", "M_PI_4f32x", "M_PI_4f64", "M_PI_4f64x", "M_PI_4l", "M_PIf",
    "M_PIf128", "M_PIf32", "M_PIf32x", "M_PIf64", "M_PIf64x", "M_PIl", "M_SQRT1_2", "M_SQRT1_2f",
    "M_SQRT1_2f128", "M_SQRT1_2f32", "M_SQRT1_2f32x", "M_SQRT1_2f64", "M_SQRT1_2f64x", "M_SQRT1_2l", "M_SQRT2",
    "M_SQRT2f", "M_SQRT2f128", "M_SQRT2f32", "M_SQRT2f32x", "M_SQRT2f64", "M_SQRT2f64x", "M_SQRT2l", "NAME_MAX",
    "NAN", "NANOPB_VERSION", "NFDBITS", "NGROUPS_MAX", "NL_ARGMAX", "NL_LANGMAX", "NL_MSGMAX", "NL_NMAX",
    "NL_SETMAX", "NL_TEXTMAX", "NULL", "NZERO", "PATH_MAX", "PDP_ENDIAN", "PIPE_BUF",
    "PTHREAD_DESTRUCTOR_ITERATIONS", "PTHREAD_KEYS_MAX", "PTHREAD_STACK_MIN", "PTRDIFF_MAX", "PTRDIFF_MIN",
    "PTRDIFF_WIDTH", "RAND_MAX", "RE_DUP_MAX", "RTSIG_MAX", "SCHAR_MAX", "SCHAR_MIN", "SCHAR_WIDTH",
    "SEM_VALUE_MAX", "SHRT_MAX", "SHRT_MIN", "SHRT_WIDTH", "SIG_ATOMIC_MAX", "SIG_ATOMIC_MIN",
    "SIG_ATOMIC_WIDTH", "SIZE_MAX", "SIZE_WIDTH", "SNAN", "SNANF", "SNANF128", "SNANF32", "SNANF32X", "SNANF64",
    "SNANF64X", "SNANL", "SSIZE_MAX", "TTY_NAME_MAX", "UCHAR_MAX", "UCHAR_WIDTH", "UINT16_C", "UINT16_MAX",
    "UINT16_WIDTH", "UINT32_C", "UINT32_MAX", "UINT32_WIDTH", "UINT64_C", "UINT64_MAX", "UINT64_WIDTH",
    "UINT8_C", "UINT8_MAX", "UINT8_WIDTH", "UINTMAX_C", "UINTMAX_MAX", "UINTMAX_WIDTH", "UINTPTR_MAX",
    "UINTPTR_WIDTH", "UINT_FAST16_MAX", "UINT_FAST16_WIDTH", "UINT_FAST32_MAX", "UINT_FAST32_WIDTH",
    "UINT_FAST64_MAX", "UINT_FAST64_WIDTH", "UINT_FAST8_MAX", "UINT_FAST8_WIDTH", "UINT_LEAST16_MAX",
    "UINT_LEAST16_WIDTH", "UINT_LEAST32_MAX", "UINT_LEAST32_WIDTH", "UINT_LEAST64_MAX", "UINT_LEAST64_WIDTH",
    "UINT_LEAST8_MAX", "UINT_LEAST8_WIDTH", "UINT_MAX", "UINT_WIDTH", "ULLONG_MAX", "ULLONG_WIDTH",
    "ULONG_LONG_MAX", "ULONG_MAX", "ULONG_WIDTH", "USHRT_MAX", "USHRT_WIDTH", "WCHAR_MAX", "WCHAR_MIN",
    "WCHAR_WIDTH", "WCONTINUED", "WEXITED", "WINT_MAX", "WINT_MIN", "WINT_WIDTH", "WNOHANG", "WNOWAIT",
    "WORD_BIT", "WSTOPPED", "WUNTRACED", "XATTR_LIST_MAX", "XATTR_NAME_MAX", "XATTR_SIZE_MAX", "assert",
    "errno", "i386", "linux", "major", "makedev", "math_errhandling", "minor", "offsetof", "pb_arraysize",
    "pb_delta", "pb_extension_init_zero", "pb_membersize", "pb_packed", "stderr", "stdin", "stdout", "strdupa",
    "strndupa", "unix",
};

/* A struct Bool has the tag _Bool in the C that nanopb makes. */
static const char *const compiler_words[] = {
    "_ANSI_STDDEF_H", "_ATFILE_SOURCE", "_Accum", "_Alignas", "_Alignof", "_Atomic", "_BITS_POSIX1_LIM_H",
    "_BITS_POSIX2_LIM_H", "_BITS_STDINT_INTN_H", "_BITS_STDINT_UINTN_H", "_BITS_TIME64_H", "_BITS_TYPESIZES_H",
    "_BITS_TYPES_H", "_BITS_TYPES_LOCALE_T_H", "_BITS_TYPES___LOCALE_T_H", "_BITS_UIO_LIM_H", "_BITS_WCHAR_H",
    "_BSD_PTRDIFF_T_", "_BSD_SIZE_T_", "_BSD_SIZE_T_DEFINED_", "_BitInt", "_Bool", "_Complex",
    "_DEFAULT_SOURCE", "_DYNAMIC_STACK_SIZE_SOURCE", "_Decimal128", "_Decimal32", "_Decimal64", "_FEATURES_H",
    "_Float128", "_Float128x", "_Float16", "_Float32", "_Float32x", "_Float64", "_Float64x", "_Fract",
    "_GCC_LIMITS_H_", "_GCC_MAX_ALIGN_T", "_GCC_PTRDIFF_T", "_GCC_SIZE_T", "_GCC_WCHAR_T", "_GCC_WRAP_STDINT_H",
    "_GNU_SOURCE", "_GXX_NULLPTR_T", "_Generic", "_ISOC11_SOURCE", "_ISOC2X_SOURCE", "_ISOC95_SOURCE",
    "_ISOC99_SOURCE", "_Imaginary", "_LARGEFILE64_SOURCE", "_LARGEFILE_SOURCE", "_LIBC_LIMITS_H_",
    "_LIMITS_H___", "_LINUX_LIMITS_H", "_LP64", "_Noreturn", "_POSIX2_BC_BASE_MAX", "_POSIX2_BC_DIM_MAX",
    "_POSIX2_BC_SCALE_MAX", "_POSIX2_BC_STRING_MAX", "_POSIX2_CHARCLASS_NAME_MAX", "_POSIX2_COLL_WEIGHTS_MAX",
    "_POSIX2_EXPR_NEST_MAX", "_POSIX2_LINE_MAX", "_POSIX2_RE_DUP_MAX", "_POSIX_AIO_LISTIO_MAX",
    "_POSIX_AIO_MAX", "_POSIX_ARG_MAX", "_POSIX_CHILD_MAX", "_POSIX_CLOCKRES_MIN", "_POSIX_C_SOURCE",
    "_POSIX_DELAYTIMER_MAX", "_POSIX_FD_SETSIZE", "_POSIX_HIWAT", "_POSIX_HOST_NAME_MAX", "_POSIX_LINK_MAX",
    "_POSIX_LOGIN_NAME_MAX", "_POSIX_MAX_CANON", "_POSIX_MAX_INPUT", "_POSIX_MQ_OPEN_MAX", "_POSIX_MQ_PRIO_MAX",
    "_POSIX_NAME_MAX", "_POSIX_NGROUPS_MAX", "_POSIX_OPEN_MAX", "_POSIX_PATH_MAX", "_POSIX_PIPE_BUF",
    "_POSIX_QLIMIT", "_POSIX_RE_DUP_MAX", "_POSIX_RTSIG_MAX", "_POSIX_SEM_NSEMS_MAX", "_POSIX_SEM_VALUE_MAX",
    "_POSIX_SIGQUEUE_MAX", "_POSIX_SOURCE", "_POSIX_SSIZE_MAX", "_POSIX_STREAM_MAX", "_POSIX_SYMLINK_MAX",
    "_POSIX_SYMLOOP_MAX", "_POSIX_THREAD_DESTRUCTOR_ITERATIONS", "_POSIX_THREAD_KEYS_MAX",
    "_POSIX_THREAD_THREADS_MAX", "_POSIX_TIMER_MAX", "_POSIX_TTY_NAME_MAX", "_POSIX_TZNAME_MAX",
    "_POSIX_UIO_MAXIOV", "_PTRDIFF_T", "_PTRDIFF_T_", "_PTRDIFF_T_DECLARED", "_Pragma", "_SIZET_", "_SIZE_T",
    "_SIZE_T_", "_SIZE_T_DECLARED", "_SIZE_T_DEFINED", "_SIZE_T_DEFINED_", "_STDBOOL_H", "_STDC_PREDEF_H",
    "_STDDEF_H", "_STDDEF_H_", "_STDINT_H", "_STRINGS_H", "_STRING_H", "_SYS_CDEFS_H", "_SYS_SIZE_T_H", "_Sat",
    "_Static_assert", "_T_PTRDIFF", "_T_PTRDIFF_", "_T_SIZE", "_T_SIZE_", "_T_WCHAR", "_T_WCHAR_",
    "_Thread_local", "_WCHAR_T", "_WCHAR_T_", "_WCHAR_T_DECLARED", "_WCHAR_T_DEFINED", "_WCHAR_T_DEFINED_",
    "_WCHAR_T_H", "_XOPEN_IOV_MAX", "_XOPEN_LIM_H", "_XOPEN_SOURCE", "_XOPEN_SOURCE_EXTENDED",
};

/* Functions and types of those headers, and the words that generated functions call their arguments. */
static const char *const library_words[] = {
    "as", "basename", "bcmp", "bcopy", "bzero", "channel", "code", "done", "error", "explicit_bzero", "ffs",
    "ffsl", "ffsll", "handlers", "in", "index", "int16_t", "int32_t", "int64_t", "int8_t", "int_fast16_t",
    "int_fast32_t", "int_fast64_t", "int_fast8_t", "int_least16_t", "int_least32_t", "int_least64_t",
    "int_least8_t", "intmax_t", "intptr_t", "locale_t", "max_align_t", "memccpy", "memchr", "memcmp", "memcpy",
    "memfrob", "memmem", "memmove", "mempcpy", "memrchr", "memset", "options", "out", "ptrdiff_t", "rawmemchr",
    "reply", "request", "ret_call", "ret_error", "ret_status", "rindex", "server", "sigabbrev_np",
    "sigdescr_np", "size_t", "status", "stpcpy", "stpncpy", "strcasecmp", "strcasecmp_l", "strcasestr",
    "strcat", "strchr", "strchrnul", "strcmp", "strcoll", "strcoll_l", "strcpy", "strcspn", "strdup",
    "strerror", "strerror_l", "strerror_r", "strerrordesc_np", "strerrorname_np", "strfry", "strlen",
    "strncasecmp", "strncasecmp_l", "strncat", "strncmp", "strncpy", "strndup", "strnlen", "strpbrk", "strrchr",
    "strsep", "strsignal", "strspn", "strstr", "strtok", "strtok_r", "strverscmp", "strxfrm", "strxfrm_l",
    "typed", "uint16_t", "uint32_t", "uint64_t", "uint8_t", "uint_fast16_t", "uint_fast32_t", "uint_fast64_t",
    "uint_fast8_t", "uint_least16_t", "uint_least32_t", "uint_least64_t", "uint_least8_t", "uintmax_t",
    "uintptr_t", "user", "wchar_t", "which",
};

// clang-format on

#define COUNT(table) (sizeof table / sizeof *(table))

const struct reserved_table reserved_tables[] = {
    {"a C keyword", c_keywords, COUNT(c_keywords)},
    {"a C++ keyword", cpp_keywords, COUNT(cpp_keywords)},
    {"a macro of the C library or compiler", macros, COUNT(macros)},
    {"a word of the C compiler", compiler_words, COUNT(compiler_words)},
    {"a name of the C library or of generated code", library_words, COUNT(library_words)},
    {NULL, NULL, 0},
};
enum { MEMBER_TABLES = 3 };

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

const char *reserved_as(const char *name)
{
    for (size_t i = 0; i < MEMBER_TABLES; i++) {
        const struct reserved_table *table = &reserved_tables[i];
        if (bsearch(&name, table->words, table->count, sizeof *table->words, by_text) != NULL)
            return table->what;
    }
    if (name[0] == '_' && (name[1] == '_' || (name[1] >= 'A' && name[1] <= 'Z')))
        return "reserved for the C compiler";
    return NULL;
}

bool reserved_for_cpp_only(const char *name)
{
    return reserved_as(name) == reserved_tables[1].what;
}

const char *reserved_prefix(const char *c_name)
{
    static const char *const prefixes[] = {"semel_", "SEMEL_", "pb_", "PB_", "__"};
    for (size_t i = 0; i < COUNT(prefixes); i++)
        if (strncmp(c_name, prefixes[i], strlen(prefixes[i])) == 0)
            return prefixes[i];
    return NULL;
}
