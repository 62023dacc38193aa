#include "crypto/cms.h"

#include <string.h>

#include "base/error.h"
#include "base/i18n.h"

/* Deeper than any certificate. */
#define DEEPEST 40

enum tag {
  TAG_OID = 0x06,
  TAG_SEQUENCE = 0x30,
  TAG_SET = 0x31,
  TAG_0 = 0xa0,
  TAG_1 = 0xa1,
};

/* A run of elements. */
struct run { const guint8 *at, *end; };
struct element { guint8 tag; struct run content; };

static bool next_element(struct run *run, struct element *element, int depth);

/* X.690, 8.1.3.6: to the end-of-contents behind its elements. */
static bool
indefinite(struct run *run, struct run *content, int depth)
{
  content->at = run->at;
  while (run->end - run->at >= 2) {
    struct element inner;
    content->end = run->at;
    if (run->at[0] == 0 && run->at[1] == 0) {
      run->at += 2;
      return true;
    }
    if (!next_element(run, &inner, depth + 1))
      return false;
  }
  return false;
}

static bool
next_element(struct run *run, struct element *element, int depth)
{
  if (run->end - run->at < 2 || depth > DEEPEST || (run->at[0] & 0x1f) == 0x1f)
    return false;
  element->tag = *run->at++;
  guint8 first = *run->at++;
  size_t length = first;
  if (first == 0x80)
    return (element->tag & 0x20) != 0 && indefinite(run, &element->content, depth);
  if ((first & 0x80) != 0) {
    int bytes = first & 0x7f;
    if (bytes > 4 || run->end - run->at < bytes)
      return false;
    length = 0;
    for (; bytes > 0; bytes--)
      length = length << 8 | *run->at++;
  }
  if ((size_t)(run->end - run->at) < length)
    return false;
  element->content = (struct run){run->at, run->at + length};
  run->at += length;
  return true;
}

static bool
take(struct run *run, guint8 tag, struct run *content)
{
  struct element element;
  if (!next_element(run, &element, 0) || element.tag != tag)
    return false;
  if (content != NULL)
    *content = element.content;
  return true;
}

/* Passes over an element of this tag if it is there. */
static void
take_optional(struct run *run, guint8 tag)
{
  struct element element;
  struct run rest = *run;
  if (next_element(&rest, &element, 0) && element.tag == tag)
    *run = rest;
}

/* How many elements it holds; false when they do not fit together. */
static bool
count(struct run run, guint *count_out)
{
  struct element element;
  guint n = 0;
  for (; run.at < run.end; n++)
    if (!next_element(&run, &element, 0))
      return false;
  *count_out = n;
  return true;
}

/* The object identifiers of RFC 5652, 4 and RFC 5083, 2. */
static enum cms_kind
kind_of(struct run oid)
{
  static const struct { const char *bytes; gsize length; enum cms_kind kind; } rows[] = {
      {"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", 9, CMS_SIGNED},
      {"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03", 9, CMS_ENVELOPED},
      {"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17", 11, CMS_AUTH_ENVELOPED},
  };
  for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
    if ((gsize)(oid.end - oid.at) == rows[i].length &&
        memcmp(oid.at, rows[i].bytes, rows[i].length) == 0)
      return rows[i].kind;
  return CMS_OTHER;
}

/* RFC 5652, 6.2.2: one of key agreement may be for several. */
static bool
count_agreement(struct run info, guint *count_out)
{
  struct run keys;
  return take(&info, 0x02, NULL) && take(&info, TAG_0, NULL) &&
         (take_optional(&info, TAG_1), true) && take(&info, TAG_SEQUENCE, NULL) &&
         take(&info, TAG_SEQUENCE, &keys) && count(keys, count_out);
}

static bool
count_recipients(struct run infos, struct cms *cms)
{
  struct element info;
  while (infos.at < infos.end) {
    guint n = 1;
    if (!next_element(&infos, &info, 0) ||
        (info.tag == TAG_1 && !count_agreement(info.content, &n)))
      return false;
    if (info.tag == TAG_SEQUENCE || info.tag == TAG_1)
      cms->recipients += n;
    else
      cms->others++;
  }
  return true;
}

/* RFC 5652, 6.1. */
static bool
read_enveloped(struct run data, struct cms *cms)
{
  struct run infos;
  if (!take(&data, 0x02, NULL))
    return false;
  take_optional(&data, TAG_0);
  return take(&data, TAG_SET, &infos) && take(&data, TAG_SEQUENCE, NULL) &&
         count_recipients(infos, cms);
}

/* RFC 5652, 5.1. */
static bool
read_signed(struct run data, struct cms *cms)
{
  struct run content, infos;
  if (!take(&data, 0x02, NULL) || !take(&data, TAG_SET, NULL) ||
      !take(&data, TAG_SEQUENCE, &content) || !take(&content, TAG_OID, NULL))
    return false;
  cms->content = content.at < content.end;
  take_optional(&data, TAG_0);
  take_optional(&data, TAG_1);
  return take(&data, TAG_SET, &infos) && data.at == data.end && count(infos, &cms->signers);
}

static bool
read_info(struct run run, struct cms *cms)
{
  struct run info, oid, explicit, data;
  if (!take(&run, TAG_SEQUENCE, &info) || run.at != run.end || !take(&info, TAG_OID, &oid) ||
      !take(&info, TAG_0, &explicit) || info.at != info.end ||
      !take(&explicit, TAG_SEQUENCE, &data) || explicit.at != explicit.end)
    return false;
  cms->kind = kind_of(oid);
  switch (cms->kind) {
  case CMS_SIGNED:
    return read_signed(data, cms);
  case CMS_ENVELOPED:
  case CMS_AUTH_ENVELOPED:
    return read_enveloped(data, cms);
  case CMS_OTHER:
    break;
  }
  return true;
}

bool
cms_read(GBytes *data, struct cms *cms_out, GError **error)
{
  gsize length;
  const guint8 *bytes = g_bytes_get_data(data, &length);
  struct cms cms = {0};
  if (length == 0 || !read_info((struct run){bytes, bytes + length}, &cms))
    return error_set(error, POSTINO_ERROR_INVALID, "%s",
                     _("the S/MIME data is damaged, or none at all"));
  *cms_out = cms;
  return true;
}
