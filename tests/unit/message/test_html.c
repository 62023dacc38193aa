#include "message/markup.h"
#include "message/render-private.h"

#include "base/limits.h"
#include "tests/unit/test.h"

static struct rendered *
lay_out(const char *source, size_t length)
{
  char *exact = exact_copy(source, length);
  struct rendered *rendered = rendered_new();
  struct page page;
  page_init(&page, rendered);
  html_layout(&page, exact, length);
  page_clear(&page);
  free(exact);
  return rendered;
}

struct row { const char *html, *text; };

static void
html_becomes_text(void **state)
{
  static const struct row rows[] = {
      {"", ""},
      {"plain", "plain\n"},
      {"<p>One</p><p>two\n  three</p>", "One\n\ntwo three\n"},
      {"<h1>Head</h1>text<div>a</div><div>b</div>", "Head\n\ntext\na\nb\n"},
      {"a<br>b<br><br>c<br/>", "a\nb\n\nc\n"},
      {"<ul><li>a<li>b<ul><li>c</ul></ul>d", "\xe2\x80\xa2 a\n\xe2\x80\xa2 b\n  \xe2\x80\xa2 c\n\nd\n"},
      {"<ol><li>a</li><li>b</li></ol>", "1. a\n2. b\n"},
      {"<table><tr><td>a</td> <td>b</td></tr><tr><td>c<td>d</table>", "a  b\nc  d\n"},
      {"<table><tr><td><table><tr><td>a</table></td><td><p>b</td></tr></table>", "a\n\nb\n"},
      {"<pre>\n a\n  b</pre>c", " a\n  b\n\nc\n"},
      {"<blockquote>a<blockquote>b</blockquote></blockquote>c", "> a\n>\n>> b\n\nc\n"},
      {"x<hr>y", "x\n\ny\n"},
      {"a&amp;b &lt;i&gt; &#233;&#xe9;&eacute; &euro; &#128; &copy2 &nosuch; &#0; &#x110000;&",
       "a&b <i> \xc3\xa9\xc3\xa9\xc3\xa9 \xe2\x82\xac \xe2\x82\xac &copy2 &nosuch; \xef\xbf\xbd "
       "\xef\xbf\xbd&\n"},
      {"a <b c", "a\n"},
      {"1 < 2 <3", "1 < 2 <3\n"},
      {"a<!-- <p>x --><!doctype x><?php y ?></ >b<!-- end", "ab\n"},
      {"&#27;[31m&#x202e;red&#127;", "\xef\xbf\xbd[31mred\xef\xbf\xbd\n"},
      {"<img src='https://x/t.gif' alt='A cat'><img alt=''><img src=x>", "[A cat]\n"},
      {"<p>&nbsp;</p><p>a</p><p> &zwnj;</p><p>b</p>", "a\n\nb\n"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(rendered_t) rendered = lay_out(rows[i].html, strlen(rows[i].html));
    g_autofree char *text = rendered_text(rendered);
    assert_string_equal(text, rows[i].text);
  }
}

static void
links_become_footnotes(void **state)
{
  static const struct row rows[] = {
      {"<a href='https://a.example/x'>here</a>, <a href=https://a.example/x>again</a>",
       "here [1], again [1]\n\n[1] https://a.example/x\n"},
      {"<a href='https://a.example/'>https://a.example</a> <a href='mailto:a@b'>a@b</a>",
       "https://a.example a@b\n"},
      {"<a href='javascript:x()'>a</a> <a href='#top'>b</a> <a href='cid:1'>c</a><a name=x>d</a>",
       "a b cd\n"},
      {"<a href='https://a.example'><img src=x></a>b", "b\n"},
      {"<a href='https://a.example'><div>Button</div></a>b",
       "Button [1]\nb\n\n[1] https://a.example\n"},
      {"<a href='https://one.example'>one<a href='https://two.example'>two</a>",
       "one [1]two [2]\n\n[1] https://one.example\n[2] https://two.example\n"},
      {"<a href=' https://a.example/&#27;]8;;&#x202e;'>x</a>",
       "x [1]\n\n[1] https://a.example/\xef\xbf\xbd]8;;\n"},
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(rendered_t) rendered = lay_out(rows[i].html, strlen(rows[i].html));
    g_autofree char *text = rendered_text(rendered);
    assert_string_equal(text, rows[i].text);
  }
}

static void
what_is_hidden_is_never_shown(void **state)
{
  static const char *const rows[] = {
      "<script>secret</script>",
      "<SCRIPT>a</b>secret</SCRIPT >",
      "<style>secret</style>",
      "<title>secret</title>",
      "<head><style>a{}</style><title>secret</title></head>",
      "<div style='display:none'>secret<div>secret</div>secret</div>",
      "<div style='Display : NONE !important'>secret</div>",
      "<span style=\"color:red;visibility: hidden\">secret</span>",
      "<span style='font-size:0'>secret</span>",
      "<span style='font-size: 0px;'>secret</span>",
      "<div style='max-height:0px'>secret</div>",
      "<div hidden>secret</div>",
      "<div hidden=''>secret</div>",
      "<p style='display:none'>secret<p>",
      "<div><span style='display:none'>secret</div>",
      "<table><tr style='display:none'><td>secret<tr><td></table>",
      "<img alt=secret style='display:none'>",
      "<select><option>secret</select>",
      "<svg><text>secret</text></svg>",
      "<!--[if mso]>secret<![endif]-->",
      "<textarea>secret</textarea>",
      "<iframe src='https://x'>secret</iframe>",
      "<xml><o:x>secret</o:x></xml>",
      "<div style='display:none'><a href='https://x'>secret</a></div>",
      "<script>secret",
      "<div style='display:n&#111;ne'>secret</div>",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autofree char *html = g_strconcat("seen", rows[i], NULL);
    g_autoptr(rendered_t) rendered = lay_out(html, strlen(html));
    g_autofree char *text = rendered_text(rendered);
    assert_string_equal(text, "seen\n");
  }
}

static void
what_follows_the_hidden_is_shown(void **state)
{
  static const char *const rows[] = {
      "<div style='display:none'>x</div>seen",
      "<p style='display:none'>x<p>seen",
      "<div><b><span hidden>x</div>seen",
      "<td style='font-size:0px'><div style='font-size:14px'>seen</div></td>",
      "<div style='font-size:0.9em'>seen</div>",
      "<br style='display:none'>seen",
      "<input type=hidden value=x>seen",
      "<o:p hidden/>seen",
      "</div></table></p>seen",
      "<table><tr><td style='display:none'>x<td>seen</table>",
  };
  for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
    g_autoptr(rendered_t) rendered = lay_out(rows[i], strlen(rows[i]));
    g_autofree char *text = rendered_text(rendered);
    assert_string_equal(text, "seen\n");
  }
}

static void
hostile_html_stays_within_bounds(void **state)
{
  static const char *const units[] = {"<b>", "</i>", "<b></i>", "<div>", "<table>", "<td>", "<ul>",
                                      "<li>x", "<blockquote>x", "<", "<a href=\"", "<!--", "<!",
                                      "&", "&a;", "&#", "<a b=c d=e ", "<script>", "</script",
                                      "<p>x", "<br>", "<pre>\n", "<a href=http://x>x", "<img alt=x>",
                                      "<div style=\"display:none\">", "\n", "<x/>", "<hr>", "x<td>"};
  for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
    g_autoptr(GString) html = g_string_new(NULL);
    for (int n = 0; n < 40000; n++)
      g_string_append(html, units[i]);
    for (int n = 0; n < 40000; n++)
      g_string_append(html, "</u>");
    g_autoptr(rendered_t) rendered = lay_out(html->str, html->len);
    assert_true(rendered->lines->len <= RENDERED_LINES);
    for (guint l = 0; l < rendered->lines->len; l++) {
      const struct rendered_line *line = rendered->lines->pdata[l];
      assert_in_range(line->quote, 0, RENDERED_QUOTE);
    }
  }
}

static void
long_text_is_cut_and_said(void **state)
{
  g_autoptr(GString) html = g_string_new(NULL);
  while (html->len < 2 * LIMIT_TEXT)
    g_string_append(html, "<p>\xe2\x82\xac ciao");
  g_autoptr(rendered_t) rendered = lay_out(html->str, html->len);
  g_autofree char *text = rendered_text(rendered);
  assert_true(strlen(text) <= LIMIT_TEXT + 1);
  assert_true(g_utf8_validate(text, -1, NULL));
  assert_int_equal(rendered->notices->len, 1);
}

int
main(void)
{
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(html_becomes_text),
      cmocka_unit_test(links_become_footnotes),
      cmocka_unit_test(what_is_hidden_is_never_shown),
      cmocka_unit_test(what_follows_the_hidden_is_shown),
      cmocka_unit_test(hostile_html_stays_within_bounds),
      cmocka_unit_test(long_text_is_cut_and_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
