/* index.db.  A new version makes every older file anew. */
#pragma once

#define SCHEMA_APPLICATION 0x706f7374 /* "post" */
#define SCHEMA_VERSION 12

/* letter.id is date << LETTER_ID_BITS | next free, so newest first is the table's own
 * order, in the full-text table too. An index that begins with the folder ends with the
 * id: the first screen of each order is one walk. letter_place and letter_fresh hold all
 * that a comparison with a directory needs. The parts of `text` are merged after
 * refreshes (index_merge()), not while new letters wait to be seen, and the pages that they
 * leave are given back (auto_vacuum, which is set before any table); its first column is
 * the one of most words, since FTS5 writes two bytes before the places in any other. Each
 * letter whose `texted` is 1 has WORD_OF_ALL there, from which FTS5 can take a word away.
 * letter_words has the words of each letter from row listed.first on (lists.c), listed.lists
 * how many they are at most. dead are rows whose postings linger in `text`: their numbers
 * are not given again. Rows with ROW_WAITING (64) have no file and are not counted.
 * `sealed` has the words of letters that were sealed, each as a number that only the key
 * makes. `hand` mirrors what state.db says of threads; thread_mark is the greatest mark of
 * each thread that has one. */
#define SCHEMA_TEXT \
  "fts5(body, sender, recipients, copies, subject, filename, list, content='', detail=full," \
  " columnsize=0, tokenize='postino')"
#define SCHEMA_SQL \
  "CREATE TABLE folder(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE," \
  " sent INTEGER NOT NULL, total INTEGER NOT NULL DEFAULT 0, unread INTEGER NOT NULL DEFAULT 0," \
  " cur_time INTEGER NOT NULL DEFAULT 0, new_time INTEGER NOT NULL DEFAULT 0) STRICT;" \
  "CREATE TABLE letter(id INTEGER PRIMARY KEY, folder INTEGER NOT NULL, base TEXT NOT NULL," \
  " suffix TEXT NOT NULL, fresh INTEGER NOT NULL," \
  " flags INTEGER NOT NULL, marks INTEGER NOT NULL, size INTEGER NOT NULL," \
  " arrival INTEGER NOT NULL," \
  " thread INTEGER NOT NULL, orphan INTEGER NOT NULL, texted INTEGER NOT NULL DEFAULT 1," \
  " message_hash INTEGER NOT NULL, message_id TEXT, sender TEXT NOT NULL, sender_key TEXT NOT NULL," \
  " recipients TEXT NOT NULL, copies TEXT NOT NULL, subject TEXT NOT NULL," \
  " subject_key TEXT NOT NULL, list TEXT, tags TEXT) STRICT;" \
  "CREATE INDEX letter_folder ON letter(folder);" \
  "CREATE INDEX letter_place ON letter(folder, base, suffix, fresh, flags);" \
  "CREATE INDEX letter_fresh ON letter(folder, base, suffix, flags) WHERE fresh = 1;" \
  "CREATE INDEX letter_message ON letter(message_hash);" \
  "CREATE INDEX letter_thread ON letter(thread, folder);" \
  "CREATE INDEX letter_sender ON letter(folder, sender_key);" \
  "CREATE INDEX letter_subject ON letter(folder, subject_key);" \
  "CREATE INDEX letter_orphan ON letter(folder, subject_key) WHERE orphan = 1;" \
  "CREATE INDEX letter_size ON letter(folder, size);" \
  "CREATE INDEX letter_arrival ON letter(folder, arrival);" \
  "CREATE INDEX letter_unread ON letter(folder) WHERE (flags & 1) = 0;" \
  "CREATE INDEX letter_unseen ON letter(id) WHERE (flags & 1) = 0;" \
  "CREATE INDEX letter_flagged ON letter(id) WHERE (flags & 4) <> 0;" \
  "CREATE INDEX letter_waiting ON letter(id) WHERE (flags & 64) <> 0;" \
  "CREATE INDEX letter_untexted ON letter(id) WHERE texted = 0;" \
  "CREATE TABLE letter_words(id INTEGER PRIMARY KEY, words BLOB NOT NULL) STRICT;" \
  "CREATE TABLE listed(first INTEGER NOT NULL, lists INTEGER NOT NULL) STRICT;" \
  "INSERT INTO listed VALUES(0, 0);" \
  "CREATE TABLE dead(id INTEGER PRIMARY KEY) STRICT;" \
  "CREATE TABLE tag(word TEXT NOT NULL COLLATE NOCASE, id INTEGER NOT NULL, PRIMARY KEY(word, id))" \
  " STRICT, WITHOUT ROWID;" \
  "CREATE TABLE ref(hash INTEGER PRIMARY KEY, thread INTEGER NOT NULL, parent INTEGER) STRICT;" \
  "CREATE INDEX ref_thread ON ref(thread);" \
  "CREATE TABLE hand(hash INTEGER PRIMARY KEY, parent INTEGER, mark INTEGER NOT NULL) STRICT;" \
  "CREATE TABLE thread_mark(thread INTEGER PRIMARY KEY, mark INTEGER NOT NULL) STRICT;" \
  "CREATE TABLE sealed(term INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY(term, id))" \
  " STRICT, WITHOUT ROWID;" \
  "CREATE TABLE newest(folder INTEGER NOT NULL, thread INTEGER NOT NULL, id INTEGER NOT NULL," \
  " PRIMARY KEY(thread, folder)) STRICT, WITHOUT ROWID;" \
  "CREATE INDEX newest_order ON newest(folder, id);" \
  "CREATE TABLE address(id INTEGER PRIMARY KEY, spec TEXT NOT NULL UNIQUE, shown TEXT NOT NULL," \
  " uses INTEGER NOT NULL, newest INTEGER NOT NULL) STRICT;" \
  "CREATE TABLE address_word(word TEXT NOT NULL, address INTEGER NOT NULL," \
  " PRIMARY KEY(word, address)) STRICT, WITHOUT ROWID;" \
  "CREATE VIRTUAL TABLE text USING " SCHEMA_TEXT ";" \
  "INSERT INTO text(text, rank) VALUES('hashsize', 33554432);" \
  "INSERT INTO text(text, rank) VALUES('automerge', 0), ('crisismerge', 200);" \
  "CREATE TRIGGER letter_comes AFTER INSERT ON letter WHEN (NEW.flags & 64) = 0 BEGIN" \
  " UPDATE folder SET total = total + 1, unread = unread + ((NEW.flags & 1) = 0)" \
  " WHERE id = NEW.folder; END;" \
  "CREATE TRIGGER letter_goes AFTER DELETE ON letter WHEN (OLD.flags & 64) = 0 BEGIN" \
  " UPDATE folder SET total = total - 1, unread = unread - ((OLD.flags & 1) = 0)" \
  " WHERE id = OLD.folder; END;" \
  "CREATE TRIGGER letter_changes AFTER UPDATE OF folder, flags ON letter" \
  " WHEN OLD.folder <> NEW.folder OR (OLD.flags & 1) <> (NEW.flags & 1) BEGIN" \
  " UPDATE folder SET total = total - 1, unread = unread - ((OLD.flags & 1) = 0)" \
  " WHERE id = OLD.folder;" \
  " UPDATE folder SET total = total + 1, unread = unread + ((NEW.flags & 1) = 0)" \
  " WHERE id = NEW.folder; END;"
