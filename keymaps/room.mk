dist_keymap_DATA += keymaps/default.keys keymaps/mutt.keys keymaps/pine.keys \
	keymaps/vi.keys keymaps/emacs.keys
