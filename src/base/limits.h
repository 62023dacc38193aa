/* The bounds that bytes from outside meet before anything is allocated for
 * them.  Each says why it is what it is. */
#pragma once

#define LIMIT_KIB(n) ((size_t)(n) << 10)
#define LIMIT_MIB(n) ((size_t)(n) << 20)

/* A server's status line: RFC 1939 and 5321 say 512; some send long URLs. */
#define LIMIT_REPLY_LINE LIMIT_KIB(2)
/* Lines of one SMTP reply: the longest EHLO answers seen have about thirty. */
#define LIMIT_REPLY_LINES 200
/* Letters in one POP3 drop. */
#define LIMIT_DROP_LETTERS 1000000
/* RFC 1939: a unique-id has 1 to 70 characters. */
#define LIMIT_UID 70
/* Header block: what is scanned for the index, what is parsed at all. */
#define LIMIT_HEADER_INDEXED LIMIT_KIB(256)
#define LIMIT_HEADER LIMIT_MIB(1)
/* Fields of one header block, and what is used of one field. */
#define LIMIT_FIELDS 1000
#define LIMIT_FIELD LIMIT_KIB(64)
/* Recipients of one field that are kept apart: servers take a thousand in one letter. */
#define LIMIT_ADDRESSES 2000
/* MIME: parts and depth (libetpan is quadratic in depth and recurses). */
#define LIMIT_PARTS 500
#define LIMIT_PART_DEPTH 20
#define LIMIT_COMMENT_DEPTH 50
/* A message that is parsed whole; larger ones are shown by their headers. */
#define LIMIT_MESSAGE LIMIT_MIB(100)
/* Text of one letter that is laid out for reading, or indexed. */
#define LIMIT_TEXT LIMIT_MIB(2)
/* The reader child: address space, processor and wall clock seconds. */
#define LIMIT_READER_MEMORY LIMIT_MIB(256)
#define LIMIT_READER_SECONDS 5
/* Plugins: one control frame; seconds to say who can be sealed to, and of
 * cryptography without progress. */
#define LIMIT_PLUGIN_FRAME LIMIT_KIB(64)
/* Keys of one answer: as many as a frame holds. */
#define LIMIT_KEYS 200
/* However much progress it reports: a large letter takes seconds. */
#define LIMIT_PLUGIN_TOTAL_SECONDS 900
#define LIMIT_PLUGIN_PROGRESS 20000
#define LIMIT_PLUGIN_ASK_SECONDS 5
#define LIMIT_PLUGIN_SECONDS 60
/* A person at a pinentry may look for the paper on which the passphrase stands. */
#define LIMIT_PLUGIN_TERMINAL_SECONDS 600
/* The rc file and the files that it includes. */
#define LIMIT_RC LIMIT_MIB(1)
/* Folders below the mail directory: depth, as the contract says. */
#define LIMIT_FOLDER_DEPTH 8
/* Network waits in seconds. */
#define LIMIT_RESOLVE_SECONDS 20
#define LIMIT_CONNECT_SECONDS 20
#define LIMIT_AFTER_DOT_SECONDS 600
/* SCRAM iteration counts (RFC 7677 asks for 4096; a count of 2^31 blocks for
 * hours). */
#define LIMIT_SCRAM_MIN 4096
#define LIMIT_SCRAM_MAX 600000
