"""What a call means under the law: categories, packs, matching."""
