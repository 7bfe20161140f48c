"""Allure results: the only room that imports allure."""
